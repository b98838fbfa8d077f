package exporter

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"watchpost.example/probes"
)

// oneProbe is the result of one /probe call.
type oneProbe struct {
	kind    string
	timeout time.Duration
	o       probes.Observation
}

// always lists the metrics that blackbox_exporter's prober of a kind gives
// whatever happened, with 0 for what was not reached.
func always(kind string) []metric {
	l := []metric{mLookup, mIPProtocol, mIPAddrHash}
	switch kind {
	case "http":
		l = append(l, mHTTPStatus, mHTTPContentLength, mHTTPUncompressed, mHTTPRedirects, mHTTPSSL, mHTTPVersion, mFailedRegex)
	case "tcp":
		l = append(l, mFailedRegex)
	case "dns":
		l = append(l, mDNSAnswer, mDNSAuthority, mDNSAdditional, mDNSQuery)
	}
	return l
}

// registry makes a fresh registry with the series of this look alone, without
// the labels of a check: the scraper adds its own.
func (p oneProbe) registry() *prometheus.Registry {
	reg := prometheus.NewRegistry()
	vecs := map[metric]*prometheus.GaugeVec{}
	set := func(m metric, v float64, extra ...string) {
		g := vecs[m]
		if g == nil {
			g = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: m.String(), Help: table[m].help}, table[m].extra)
			reg.MustRegister(g)
			vecs[m] = g
		}
		g.WithLabelValues(extra...).Set(v)
	}
	set(mProbeTimeout, p.timeout.Seconds())
	set(mDuration, p.o.Took.Seconds())
	if p.o.Reason != probes.OK {
		set(mProbeReason, 1, string(word(p.o.Reason)))
	}
	if p.o.Verdict == probes.Unknown {
		return reg
	}
	for _, m := range always(p.kind) {
		set(m, 0)
	}
	s := sampler{e: probes.Entry{Check: &probes.Check{Kind: p.kind}, Observation: p.o}}
	s.verdict()
	for _, x := range s.out {
		set(x.metric, x.Value, x.extra[:len(table[x.metric].extra)]...)
	}
	if status, ok := p.o.Facts.Get(probes.FactHTTPStatusCode); ok && status == 0 {
		set(mHTTPContentLength, 0) // -1 means an answer that did not say, and there was none
	}
	if c := p.leaf(); c != nil {
		set(mSSLChainInfo, 1, remote(c.SHA256), remote(c.Subject), remote(c.Issuer), remote(strings.Join(c.Names, ",")), remote(c.Serial))
	}
	return reg
}

// leaf is the certificate of the first address that showed one.
func (p oneProbe) leaf() *probes.Certificate {
	for i := range p.o.Parts {
		if c := p.o.Parts[i].Certificates; len(c) > 0 {
			return &c[0]
		}
	}
	return nil
}

// remote bounds remote text for the one metric that has it as a label.
func remote(s string) string {
	if len(s) > 256 {
		s = s[:256]
	}
	return cleaned(s)
}
