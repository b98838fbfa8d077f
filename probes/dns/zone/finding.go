package zone

import (
	"net/netip"
	"slices"
	"strings"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/dnswire"
)

// Finding is one thing that is wrong, in the words of the report and the JSON.
type Finding struct {
	Reason   probes.Reason   `json:"reason"`
	Severity probes.Severity `json:"severity"`
	// Zone is the one that has to be mended: the parent's, when that is broken.
	Zone string `json:"zone"`
	// Server and Address are empty when the fault is no server's own.
	Server   string `json:"server"`
	Address  string `json:"address"`
	Record   string `json:"record"`
	Expected string `json:"expected"`
	Found    string `json:"found"`
	// Evidence is the hash of the packets' text in the look's evidence.
	Evidence string `json:"evidence,omitempty"`

	packets []Exchange
}

// maxText bounds Record, Expected and Found: they may hold remote text.
const maxText = 300

// Where is the finding's label value: server and address, the resolver, or the
// zone. Names that come from the network are cut to what a host name may be.
func (f Finding) Where() string {
	w := f.Zone
	switch {
	case f.Server != "" && f.Address != "":
		w = plainName(f.Server, 70) + " " + f.Address
	case f.Address != "":
		w = f.Address
	case f.Server != "":
		w = plainName(f.Server, 100)
	}
	return probes.Clip(w, 128)
}

// plainName keeps a name only if it could be a host's.
func plainName(n string, limit int) string {
	if hostName(n) && len(n) <= limit {
		return strings.TrimSuffix(n, ".")
	}
	return "strange-name"
}

// hostName is RFC 952 and 1123: letters, digits and hyphens.
func hostName(n string) bool {
	for label := range strings.SplitSeq(strings.TrimSuffix(n, "."), ".") {
		if label == "" || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
				return false
			}
		}
	}
	return true
}

// words writes a set for people: bounded, remote control bytes made harmless.
func words(set []string) string {
	if len(set) == 0 {
		return "none"
	}
	more := ""
	if len(set) > 8 {
		set, more = set[:8], " …"
	}
	return clean(strings.Join(set, ", ") + more)
}

func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s)
	return probes.Clip(s, maxText)
}

// at fills server and address.
func at(s *Server) (name, addr string) { return s.Name, address(s.Addr) }

// address leaves out the port that every name server has.
func address(a netip.AddrPort) string {
	if a.Port() == 53 {
		return a.Addr().String()
	}
	return a.String()
}

// worstFirst orders findings for people: severity, then zone, server, reason.
func worstFirst(fs []Finding) {
	slices.SortStableFunc(fs, func(a, b Finding) int {
		if a.Severity != b.Severity {
			return int(b.Severity) - int(a.Severity)
		}
		return strings.Compare(a.Zone+a.Server+a.Address+string(a.Reason)+a.Record, b.Zone+b.Server+b.Address+string(b.Reason)+b.Record)
	})
}

func answerWords(m *dnswire.Msg) string {
	if m == nil {
		return "nothing"
	}
	if m.Rcode != dnswire.RcodeSuccess || len(m.Answer) == 0 {
		return dnswire.RcodeName(m.Rcode)
	}
	var out []string
	for _, rr := range m.Answer {
		if rr.Header().Rrtype != dnswire.TypeRRSIG {
			out = append(out, dnswire.Rdata(rr))
		}
	}
	return words(out)
}
