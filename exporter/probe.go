package exporter

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"

	"watchpost.example/probes"
)

// Defaults of ProbeOptions, those of blackbox_exporter.
const (
	DefaultModule        = "http_2xx"
	DefaultProbeTimeout  = 120 * time.Second
	DefaultTimeoutOffset = 500 * time.Millisecond
	DefaultProbeLimit    = 64
)

// Module makes the prober of one /probe call: target as it was given, hostname
// for the Host header and SNI ("" = the target's own). kind is the word that
// decides which metrics are always there. An error is the caller's mistake.
type Module func(target, hostname string) (p probes.Prober, kind string, err error)

// ProbeOptions says what /probe may ask.
type ProbeOptions struct {
	Modules map[string]Module
	// Board's targets may be asked; nil = none of them.
	Board *Board
	// Allow and AllowNames may be asked beside them: addresses in a network,
	// and names ("portal.example", or "*.school.example" for all below it). A
	// name is never resolved to see whether it lies in Allow: the guard of the
	// module's prober judges the addresses when it dials.
	Allow      []netip.Prefix
	AllowNames []string

	TimeoutOffset time.Duration // taken off the scraper's timeout; 0 = DefaultTimeoutOffset
	Limit         int           // looks at once; 0 = DefaultProbeLimit
	Logger        *slog.Logger  // nil = silent
}

// ProbeHandler serves /probe?target=&module=&hostname=&debug=true as
// blackbox_exporter does, so that its scrape configurations keep working.
//
// Two things differ on purpose. Only known targets are asked, since a prober
// that asks for anybody is a way into the inner network. And a look that
// failed on our side (verdict Unknown) has no probe_success: its reason is in
// watchpost_probe_reason_info.
func ProbeHandler(o ProbeOptions) http.Handler {
	o.TimeoutOffset = cmp.Or(o.TimeoutOffset, DefaultTimeoutOffset)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &probeHandler{o, make(chan struct{}, cmp.Or(o.Limit, DefaultProbeLimit))}
}

type probeHandler struct {
	o     ProbeOptions
	slots chan struct{}
}

func (h *probeHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	target, name, hostname := q.Get("target"), cmp.Or(q.Get("module"), DefaultModule), q.Get("hostname")
	module := h.o.Modules[name]
	timeout, err := probeTimeout(r.Header.Get("X-Prometheus-Scrape-Timeout-Seconds"), h.o.TimeoutOffset)
	switch {
	case target == "":
		http.Error(w, "target is missing: /probe?target=portal.example&module="+DefaultModule, http.StatusBadRequest)
		return
	case module == nil:
		known := strings.Join(slices.Sorted(maps.Keys(h.o.Modules)), ", ")
		http.Error(w, fmt.Sprintf("unknown module %s, there are: %s", probes.Quote(name, 64), known), http.StatusBadRequest)
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	case hostname != "" && !hostLike(hostname):
		http.Error(w, "hostname is not a host name", http.StatusBadRequest)
		return
	}
	if err := h.o.allowed(target); err != nil {
		h.o.Logger.Warn("refused to probe", "target", probes.Quote(target, 128), "module", name, "from", r.RemoteAddr, "error", err)
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	prober, kind, err := module(target, hostname)
	if err != nil {
		http.Error(w, fmt.Sprintf("module %s can't ask that target: %v", name, err), http.StatusBadRequest)
		return
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	default:
		w.Header().Set("Retry-After", "5")
		http.Error(w, "too many looks at once over /probe", http.StatusServiceUnavailable)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	o := ask(ctx, prober)
	one := oneProbe{kind, timeout, o}
	if q.Get("debug") == "true" {
		one.debug(w, target, name)
		return
	}
	promhttp.HandlerFor(one.registry(), promhttp.HandlerOpts{}).ServeHTTP(w, r)
}

// probeTimeout is the scraper's timeout less the offset, at most
// DefaultProbeTimeout.
func probeTimeout(header string, offset time.Duration) (time.Duration, error) {
	if header == "" {
		return DefaultProbeTimeout, nil
	}
	s, err := strconv.ParseFloat(header, 64)
	if err != nil || math.IsNaN(s) || s <= 0 {
		return 0, fmt.Errorf("X-Prometheus-Scrape-Timeout-Seconds is %s, want seconds", probes.Quote(header, 32))
	}
	d := time.Duration(min(s, DefaultProbeTimeout.Seconds()) * float64(time.Second))
	if d > offset {
		d -= offset
	}
	return d, nil
}

// ask runs the prober and answers by the deadline even if it does not.
func ask(ctx context.Context, p probes.Prober) probes.Observation {
	start := time.Now()
	done := make(chan probes.Observation, 1)
	go func() {
		defer func() {
			if v := recover(); v != nil {
				done <- probes.Observation{At: start, Took: time.Since(start), Reason: probes.OursPanic, Detail: "the probe panicked"}
			}
		}()
		done <- p.Probe(ctx)
	}()
	select {
	case o := <-done:
		return o
	case <-ctx.Done():
	}
	grace := time.NewTimer(200 * time.Millisecond)
	defer grace.Stop()
	select {
	case o := <-done:
		return o
	case <-grace.C:
		return probes.Observation{At: start, Took: time.Since(start), Reason: probes.OursOverrun, Detail: "the probe did not come back by its deadline"}
	}
}

// debug writes what blackbox_exporter's debug page has: what was done, then the
// metrics. The module's settings are not on it, because they can hold secrets.
func (p oneProbe) debug(w http.ResponseWriter, target, module string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	var b bytes.Buffer
	o := p.o
	fmt.Fprintf(&b, "Logs for the probe:\nasking %s with module %s (kind %s), timeout %s\n", probes.Quote(target, 256), module, p.kind, p.timeout)
	for i := range o.Parts {
		a := &o.Parts[i]
		fmt.Fprintf(&b, "%s: %s %s after %s %s\n", a.Address, a.Verdict, a.Reason, a.Took.Round(time.Microsecond), a.Detail)
		for _, ph := range probes.PhaseList() {
			if a.Phases[ph] > 0 {
				fmt.Fprintf(&b, "    %s %s\n", ph, a.Phases[ph].Round(time.Microsecond))
			}
		}
		for _, hop := range a.Hops {
			fmt.Fprintf(&b, "    redirected to %s\n", probes.Quote(hop, 256))
		}
	}
	for _, f := range o.Findings {
		fmt.Fprintf(&b, "finding %s (%s) %s: %s\n", f.Reason, f.Severity, Clean(f.Where), probes.Quote(f.Found, 256))
	}
	fmt.Fprintf(&b, "verdict %s %s after %s %s\n\n\nMetrics that would have been returned:\n", o.Verdict, o.Reason, o.Took.Round(time.Microsecond), o.Detail)
	fams, err := p.registry().Gather()
	if err != nil {
		fmt.Fprintf(&b, "%v\n", err)
	}
	for _, f := range fams {
		if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
			fmt.Fprintf(&b, "%v\n", err)
		}
	}
	_, _ = w.Write(b.Bytes()) // the reader went away
}
