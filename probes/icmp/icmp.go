package icmp

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/wire"
)

// The words of Settings.Engine.
const (
	engineProBing = "probing"
	engineShared  = "shared"
)

// Kind is the icmp kind. What all its checks share (the limit in flight, echo
// IDs, the shared socket) hangs on the Kind, so one of them is made per process.
func Kind(w *wire.Wire) probes.Kind {
	engines := map[string]*gate{
		engineProBing: newGate(ProBing(), maxInFlight),
		engineShared:  newGate(Shared(), maxSharedInFlight),
	}
	return probes.Kind{
		Name: "icmp",
		Doc:  "Echo requests to every address of a host: does it answer, how fast, how many are lost.",
		New: func() probes.Settings {
			return &Settings{
				Count: 1, Gap: probes.Duration(200 * time.Millisecond), Size: minSize, Engine: engineProBing,
				wire: w, engines: engines,
			}
		},
	}
}

type prober struct {
	Settings
	gate *gate
}

// Probe asks every address of the host.
func (p *prober) Probe(ctx context.Context) probes.Observation {
	return wire.EachAddress(ctx, p.wire, p.Host, 0, p.RequireAll, p.one)
}

// one asks one address.
func (p *prober) one(ctx context.Context, ap netip.AddrPort) wire.Answer {
	run := Run{
		To: ap.Addr(), From: p.wire.Source(ap.Addr()),
		Count: p.Count, Gap: p.Gap.D(), Size: p.Size,
	}
	began := time.Now()
	echoes, err := p.gate.ping(ctx, run)
	a := p.judge(echoes, err)
	if len(echoes.Replies) == 0 {
		a.Phases[probes.Processing] = time.Since(began)
	} else {
		a.Phases[probes.Processing] = mean(echoes.Replies)
	}
	return a
}

// judge is the verdict on what came back. It is pure.
func (p *prober) judge(e Echoes, err error) wire.Answer {
	var a wire.Answer
	if err != nil {
		a.Fail("sending an echo request", err)
		return a
	}
	got := len(e.Replies)
	loss := 1 - float64(got)/float64(max(e.Sent, 1))
	a.Facts.Set(probes.FactICMPLossRatio, loss)
	if got == 0 {
		a.Verdict, a.Reason = probes.Down, probes.ICMPTimeout
		a.Detail = fmt.Sprintf("no reply to %d echo requests; the host is down or ICMP is filtered on the way", e.Sent)
		if e.Unreachable != "" {
			a.Reason, a.Detail = probes.ICMPUnreachable, e.Unreachable
		}
		return a
	}
	a.Facts.Set(probes.FactICMPRTT, mean(e.Replies).Seconds())
	if hops := e.Replies[0].HopLimit; hops > 0 {
		a.Facts.Set(probes.FactICMPReplyHopLimit, float64(hops))
	}
	a.Verdict = probes.Up
	if loss > p.MaxLoss {
		a.Verdict, a.Reason = probes.Degraded, probes.ICMPLoss
		a.Detail = fmt.Sprintf("%d of %d echo requests were lost (%.0f %%), at most %.0f %% allowed",
			e.Sent-got, e.Sent, math.Round(loss*100), math.Round(p.MaxLoss*100))
	}
	return a
}

func mean(replies []Reply) time.Duration {
	var sum time.Duration
	for _, r := range replies {
		sum += r.RTT
	}
	return sum / time.Duration(len(replies))
}
