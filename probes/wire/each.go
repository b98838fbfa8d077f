package wire

import (
	"context"
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"watchpost.example/probes"
)

// Answer is what asking one address gave: the Part, and what it adds to the
// whole look. A Finding with an empty Where gets the address.
type Answer struct {
	probes.Part
	Findings []probes.Finding
	Evidence []probes.Evidence
}

// Attach adds evidence and returns its hash; see probes.Observation.Attach.
func (a *Answer) Attach(mediaType string, b []byte) string {
	o := probes.Observation{Evidence: a.Evidence}
	h := o.Attach(mediaType, b)
	a.Evidence = o.Evidence
	return h
}

// Fail sets verdict, reason and detail from err; what says what was tried.
func (a *Answer) Fail(what string, err error) {
	a.Reason = Classify(err)
	a.Verdict = VerdictOf(a.Reason)
	a.Detail = Explain(what, err)
}

// EachAddress is the frame of a look: it resolves host once, asks every
// address of it at the same time by fn, and folds the parts in the order of
// the addresses (requireAll: one address Down makes the look Down).
//
// fn must come back when its context ends; that context ends a little before
// ctx does, so that a server that says nothing is judged by us before the
// caller's deadline and not by the watchdog after it. EachAddress itself
// returns only when every fn has, so nothing runs on behind it. Address, Took,
// the resolve phase and the IP facts of the Part are set here.
func EachAddress(ctx context.Context, w *Wire, host string, port uint16, requireAll bool, fn func(context.Context, netip.AddrPort) Answer) probes.Observation {
	o := probes.Observation{At: time.Now()}
	ctx, cancel := shorten(ctx, o.At)
	defer cancel()

	addrs, err := w.Resolve(ctx, host)
	resolved := time.Since(o.At)
	if err != nil {
		o.Reason = Classify(err)
		o.Verdict = VerdictOf(o.Reason)
		o.Detail = Explain("resolving "+host, err)
		o.Phases[probes.Resolve] = resolved
		o.Took = time.Since(o.At)
		return o
	}
	if n := len(addrs); n > w.maxAddrs {
		addrs = addrs[:w.maxAddrs]
		o.Findings = append(o.Findings, probes.Finding{
			Reason: probes.DNSAnswer, Severity: probes.Note, Record: host,
			Expected: "at most " + strconv.Itoa(w.maxAddrs) + " addresses",
			Found:    strconv.Itoa(n) + " addresses; the rest is not asked",
		})
	}
	answers := make([]Answer, len(addrs))
	if len(addrs) == 1 { // the common case, without a goroutine
		answers[0] = w.one(ctx, netip.AddrPortFrom(addrs[0], port), fn)
	} else {
		var wg sync.WaitGroup
		for i, a := range addrs {
			wg.Go(func() { answers[i] = w.one(ctx, netip.AddrPortFrom(a, port), fn) })
		}
		wg.Wait()
	}
	o.Parts = make([]probes.Part, 0, len(answers))
	for i := range answers {
		answers[i].Phases[probes.Resolve] = resolved
		take(&o, &answers[i])
	}
	o.Fold(requireAll)
	o.Took = time.Since(o.At)
	return o
}

// one asks one address; a panic there stays with that address.
func (w *Wire) one(ctx context.Context, ap netip.AddrPort, fn func(context.Context, netip.AddrPort) Answer) (a Answer) {
	start := time.Now()
	defer func() {
		if p := recover(); p != nil {
			w.log.Error("a probe panicked", "address", ap.String(), "panic", p)
			a = Answer{Part: probes.Part{Verdict: probes.Unknown, Reason: probes.OursPanic, Detail: probes.Clip("the probe panicked: "+fmt.Sprint(p), probes.MaxDetail)}}
		}
		a.Address = ap
		a.Took = time.Since(start)
		setIPFacts(&a.Facts, ap.Addr())
	}()
	if err := w.guard.Check(ap.Addr()); err != nil {
		a.Fail("", err)
		return a
	}
	return fn(ctx, ap)
}

// setIPFacts are the facts that every kind has, hashed as blackbox_exporter does.
func setIPFacts(f *probes.Facts, a netip.Addr) {
	a = a.Unmap()
	v := 6.0
	if a.Is4() {
		v = 4
	}
	h := fnv.New32a()
	_, _ = h.Write(a.AsSlice()) // never fails
	*f = slices.Grow(*f, 2)
	f.Set(probes.FactIPProtocol, v)
	f.Set(probes.FactIPAddrHash, float64(h.Sum32()))
}

// shorten ends the look's own work a twentieth before the caller's deadline,
// at least 5 ms and at most 50 ms; a look without a deadline gets 10 s.
func shorten(ctx context.Context, now time.Time) (context.Context, context.CancelFunc) {
	d, ok := ctx.Deadline()
	if !ok {
		return context.WithTimeout(ctx, 10*time.Second)
	}
	reserve := min(max(d.Sub(now)/20, 5*time.Millisecond), 50*time.Millisecond)
	return context.WithDeadline(ctx, d.Add(-reserve))
}

// take moves one answer into the look.
func take(o *probes.Observation, a *Answer) {
	o.Parts = append(o.Parts, a.Part)
	for _, f := range a.Findings {
		if f.Where == "" {
			f.Where = a.Address.String()
		}
		o.Findings = append(o.Findings, f)
	}
	for _, e := range a.Evidence {
		o.Attach(e.MediaType, e.Bytes)
	}
}
