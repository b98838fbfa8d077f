package exporter

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"watchpost.example/probes"
)

// Bounds on what one check can become: a name with a hundred addresses or a
// look with a thousand findings must not fill a store.
const (
	MaxAddresses = 16  // addresses that become series of their own
	MaxFindings  = 64  // findings that become series
	MaxLabel     = 128 // bytes of a label value
)

// Sample is one series' value. Two samples of one check are of the same series
// when their Key is equal.
type Sample struct {
	Key
	Value float64
	// Keep tells whether the history keeps it (the series diet).
	Keep bool
}

// Key names a series of a check: the metric and the values of the labels that
// it has beside those of the check itself.
type Key struct {
	metric metric
	extra  [3]string
}

// Name is the metric's name.
func (k Key) Name() string { return k.metric.String() }

// Verdict tells whether the series is the verdict itself, probe_success.
func (k Key) Verdict() bool { return k.metric == mSuccess }

// Labels calls set for each label of the series, check c seen from vantage
// ("" = the vantage has no name), in the order of the catalogue.
func (k Key) Labels(c *probes.Check, vantage string, set func(name, value string)) {
	set("unit", c.ID.Unit)
	set("system", c.ID.System)
	set("check", c.ID.Check)
	set("kind", c.Kind)
	set("instance", Clean(c.Instance))
	if vantage != "" {
		set("vantage", vantage)
	}
	for i, name := range table[k.metric].extra {
		set(name, k.extra[i])
	}
}

// Samples translates what is known of a check at now into series, appended to
// dst. It is pure. The rules:
//
//   - A stale entry (probes.Entry.Stale) has no verdict: what a look measured is
//     absent and the state is 0, unknown. Only its age, which tells why, stays.
//   - An Unknown look has no probe_success and nothing else of blackbox_exporter's,
//     because a 0 would count against the unit.
//   - A state restored after a restart stands only while it is bad: a page must
//     not be called off by a restart, and nothing unseen may look green.
//   - No label holds remote text: reasons are words of a closed list, addresses
//     are addresses, Where is ours, and all are bounded.
func Samples(dst []Sample, e probes.Entry, now time.Time) []Sample {
	s := sampler{out: dst, first: len(dst), e: e, stale: e.Stale(now)}
	s.state()
	if !s.stale {
		if e.Observation.Verdict != probes.Unknown {
			s.verdict()
		}
		s.addresses()
		s.findings()
	}
	return s.out
}

type sampler struct {
	out   []Sample
	first int // of this check's samples in out
	e     probes.Entry
	stale bool
}

func (s *sampler) add(m metric, v float64, extra ...string) {
	k := Key{metric: m}
	copy(k.extra[:], extra)
	s.out = append(s.out, Sample{k, v, table[m].history})
}

// state writes what is there whether or not the check was looked at.
func (s *sampler) state() {
	c, o, st := s.e.Check, &s.e.Observation, s.e.State
	if s.stale && (!st.Restored || st.Verdict == probes.Up || !o.At.IsZero()) {
		st = probes.State{}
	}
	s.add(mState, float64(st.Verdict))
	s.add(mInterval, c.Interval.Seconds())
	if !o.At.IsZero() {
		s.add(mLast, seconds(o.At))
	}
	if !st.Since.IsZero() {
		s.add(mSince, seconds(st.Since))
		s.out[len(s.out)-1].Keep = st.Verdict != probes.Up
	}
	s.add(mPending, bit(st.Pending))
	if r := s.reason(st); r != probes.OK {
		s.add(mReason, 1, string(r))
	}
	s.add(mCheckInfo, 1, Clean(c.System.Name))
}

// reason is why all is not well: the confirmed one, else the newest look's.
func (s *sampler) reason(st probes.State) probes.Reason {
	o := &s.e.Observation
	r := st.Reason
	switch {
	case st.Verdict != probes.Up && r != probes.OK:
	case o.At.IsZero():
		r = probes.OursRestart
	case s.stale:
		r = probes.OursOverrun
	default:
		r = o.Reason
	}
	return word(r)
}

// verdict writes what the newest look measured under blackbox_exporter's names.
func (s *sampler) verdict() {
	o := &s.e.Observation
	s.add(mSuccess, bit(o.Verdict == probes.Up || o.Verdict == probes.Degraded))
	s.add(mDuration, o.Took.Seconds())
	s.phases()
	for _, f := range o.Facts {
		s.fact(f)
	}
}

// factMetrics maps facts to metrics one to one; nobody writes it. The two info
// facts, version and cipher, become a label and are in fact.
var factMetrics = [...]metric{
	probes.FactIPProtocol: mIPProtocol,
	probes.FactIPAddrHash: mIPAddrHash,

	probes.FactHTTPStatusCode:       mHTTPStatus,
	probes.FactHTTPContentLength:    mHTTPContentLength,
	probes.FactHTTPUncompressedSize: mHTTPUncompressed,
	probes.FactHTTPRedirects:        mHTTPRedirects,
	probes.FactHTTPSSL:              mHTTPSSL,
	probes.FactHTTPVersion:          mHTTPVersion,
	probes.FactHTTPLastModified:     mHTTPLastModified,
	probes.FactHTTPFailedRegexp:     mFailedRegex,
	probes.FactTCPFailedExpect:      mFailedRegex,

	probes.FactTLSEarliestExpiry:       mSSLEarliest,
	probes.FactTLSLastChainExpiry:      mSSLLastChain,
	probes.FactTLSLeafNotBefore:        mCertNotBefore,
	probes.FactTLSLeafNotAfter:         mCertNotAfter,
	probes.FactTLSLeafLifetimeFraction: mCertLifetime,

	probes.FactDNSAnswerRRs:     mDNSAnswer,
	probes.FactDNSAuthorityRRs:  mDNSAuthority,
	probes.FactDNSAdditionalRRs: mDNSAdditional,
	probes.FactDNSRcode:         mDNSRcode,
	probes.FactDNSSerial:        mDNSSerial,
	probes.FactDNSQuerySuccess:  mDNSQuery,

	probes.FactICMPReplyHopLimit: mICMPHopLimit,
	probes.FactICMPLossRatio:     mICMPLoss,

	probes.FactZoneSecure:         mZoneSecure,
	probes.FactZoneServers:        mZoneServers,
	probes.FactZoneServersOK:      mZoneServersOK,
	probes.FactZoneSignatureLeft:  mZoneSignature,
	probes.FactZoneQueries:        mZoneQueries,
	probes.FactRegistrationExpiry: mRegistration,
}

func (s *sampler) fact(f probes.Fact) {
	switch f.Name {
	case probes.FactTLSVersion:
		s.once(mTLSVersion, 1, tls.VersionName(uint16(f.Value)))
	case probes.FactTLSCipher:
		s.once(mTLSCipher, 1, cipherName(uint16(f.Value)))
	case probes.FactICMPRTT:
		s.once(mICMPDuration, f.Value, "rtt")
	default:
		if int(f.Name) < len(factMetrics) && factMetrics[f.Name] != mNone {
			s.once(factMetrics[f.Name], f.Value, "")
		}
	}
}

// cipherNames is what tls.CipherSuiteName knows; that function makes two lists
// at each call, which were nine tenths of a look's translation.
var cipherNames = func() map[uint16]string {
	names := map[uint16]string{}
	for _, c := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		names[c.ID] = c.Name
	}
	return names
}()

func cipherName(id uint16) string {
	if n := cipherNames[id]; n != "" {
		return n
	}
	return fmt.Sprintf("0x%04X", id) // as tls.CipherSuiteName
}

// once adds a sample unless its series is here already, because one series
// twice would spoil the whole of /metrics.
func (s *sampler) once(m metric, v float64, extra string) {
	k := Key{m, [3]string{extra}}
	if !has(s.out[s.first:], k) {
		s.out = append(s.out, Sample{k, v, table[m].history})
	}
}

func has(l []Sample, k Key) bool {
	for i := range l {
		if l[i].metric == k.metric && l[i].Key == k {
			return true
		}
	}
	return false
}

// phases writes the times under the phase names of the kind's own prober in
// blackbox_exporter.
func (s *sampler) phases() {
	p := &s.e.Observation.Phases
	s.add(mLookup, p[probes.Resolve].Seconds())
	switch s.e.Check.Kind {
	case "http":
		tlsUsed := p[probes.TLS] > 0
		for _, ph := range probes.PhaseList() {
			s.add(mHTTPDuration, p[ph].Seconds(), ph.String())
			s.out[len(s.out)-1].Keep = ph != probes.TLS || tlsUsed
		}
	case "dns":
		s.add(mDNSDuration, p[probes.Resolve].Seconds(), "resolve")
		s.add(mDNSDuration, p[probes.Connect].Seconds(), "connect")
		s.add(mDNSDuration, (p[probes.TLS] + p[probes.Processing] + p[probes.Transfer]).Seconds(), "request")
	case "icmp":
		s.add(mICMPDuration, p[probes.Resolve].Seconds(), "resolve")
		s.out[len(s.out)-1].Keep = false
		s.add(mICMPDuration, p[probes.Connect].Seconds(), "setup")
		s.out[len(s.out)-1].Keep = false
		if _, measured := s.e.Observation.Facts.Get(probes.FactICMPRTT); !measured {
			s.add(mICMPDuration, 0, "rtt")
		}
	}
}

func (s *sampler) addresses() {
	parts := s.e.Observation.Parts
	several := len(parts) > 1
	var seen []string
	for i := range parts {
		p := &parts[i]
		if !p.Address.IsValid() || p.Verdict == probes.Unknown {
			continue
		}
		a := p.Address.Addr().String()
		if len(seen) == MaxAddresses || slices.Contains(seen, a) {
			continue
		}
		seen = append(seen, a)
		s.add(mAddressSuccess, bit(p.Verdict == probes.Up), a)
		s.out[len(s.out)-1].Keep = several
		s.add(mAddressDuration, p.Took.Seconds(), a)
		s.nameServer(p, a)
	}
}

// nameServer writes what one server of a zone says beside the others.
func (s *sampler) nameServer(p *probes.Part, address string) {
	if _, zone := s.e.Observation.Facts.Get(probes.FactZoneServers); !zone {
		return
	}
	server := Clean(p.Server)
	if v, told := p.Facts.Get(probes.FactZoneSecure); told {
		s.add(mServerSecure, v, server, address)
	}
	newest, known := s.e.Observation.Facts.Get(probes.FactDNSSerial)
	if serial, told := p.Facts.Get(probes.FactDNSSerial); told && known {
		s.add(mServerLag, float64(max(int32(uint32(newest)-uint32(serial)), 0)), server, address) // RFC 1982 3.2
	}
}

func (s *sampler) findings() {
	first := len(s.out)
	for _, f := range s.e.Observation.Findings {
		if len(s.out)-first == MaxFindings {
			return
		}
		k := Key{mFinding, [3]string{string(word(f.Reason)), f.Severity.String(), Clean(f.Where)}}
		if k.extra[0] == "" || has(s.out[first:], k) {
			continue
		}
		s.out = append(s.out, Sample{k, 1, true})
	}
}

// word lets only what looks like a Reason through: a kind that put remote text
// there has a defect, and it must not reach a label.
func word(r probes.Reason) probes.Reason {
	if len(r) > 63 {
		return "invalid"
	}
	for i := range len(r) {
		if c := r[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return "invalid"
		}
	}
	return r
}

// Clean makes a text of the operator's fit for a label: valid UTF-8 without
// control characters, at most MaxLabel bytes, cut between characters.
func Clean(s string) string {
	s = cleaned(s)
	if len(s) <= MaxLabel {
		return s
	}
	cut := MaxLabel
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut]
}

// cleaned is s as valid UTF-8 without control characters.
func cleaned(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func bit(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
