package dnswire

import (
	"net/netip"
	"strings"

	"github.com/miekg/dns"
)

// The message and its records are the library's own; the names here are the
// ones that our packages use.
type (
	// Msg is a DNS message.
	Msg = dns.Msg
	// RR is a resource record.
	RR = dns.RR
	// Question is an entry of the question section.
	Question = dns.Question
	// DNSKEY is RFC 4034 2.
	DNSKEY = dns.DNSKEY
	// DS is RFC 4034 5.
	DS = dns.DS
	// RRSIG is RFC 4034 3.
	RRSIG = dns.RRSIG
	// SOA is RFC 1035 3.3.13.
	SOA = dns.SOA
	// NS is RFC 1035 3.3.11.
	NS = dns.NS
	// CNAME is RFC 1035 3.3.1.
	CNAME = dns.CNAME
	// MX is RFC 1035 3.3.9.
	MX = dns.MX
	// TXT is RFC 1035 3.3.14.
	TXT = dns.TXT
	// CAA is RFC 8659.
	CAA = dns.CAA
	// NSEC3 is RFC 5155 3.
	NSEC3 = dns.NSEC3
	// CDS is RFC 7344 3.1.
	CDS = dns.CDS
	// CDNSKEY is RFC 7344 3.2.
	CDNSKEY = dns.CDNSKEY
)

// Types and rcodes that our packages name.
const (
	TypeA       = dns.TypeA
	TypeNS      = dns.TypeNS
	TypeCNAME   = dns.TypeCNAME
	TypeSOA     = dns.TypeSOA
	TypePTR     = dns.TypePTR
	TypeHINFO   = dns.TypeHINFO
	TypeMX      = dns.TypeMX
	TypeTXT     = dns.TypeTXT
	TypeAAAA    = dns.TypeAAAA
	TypeSRV     = dns.TypeSRV
	TypeDNAME   = dns.TypeDNAME
	TypeDS      = dns.TypeDS
	TypeRRSIG   = dns.TypeRRSIG
	TypeNSEC    = dns.TypeNSEC
	TypeDNSKEY  = dns.TypeDNSKEY
	TypeNSEC3   = dns.TypeNSEC3
	TypeNSEC3P  = dns.TypeNSEC3PARAM
	TypeCDS     = dns.TypeCDS
	TypeCDNSKEY = dns.TypeCDNSKEY
	TypeCAA     = dns.TypeCAA
	TypeOPT     = dns.TypeOPT
	TypeAXFR    = dns.TypeAXFR

	RcodeSuccess  = dns.RcodeSuccess
	RcodeFormErr  = dns.RcodeFormatError
	RcodeServFail = dns.RcodeServerFailure
	RcodeNXDomain = dns.RcodeNameError
	RcodeNotImp   = dns.RcodeNotImplemented
	RcodeRefused  = dns.RcodeRefused
	RcodeBadVers  = dns.RcodeBadVers
)

// TypeName gives "AAAA" for 28 and "TYPE65280" for what has no name.
func TypeName(t uint16) string { return dns.Type(t).String() }

// TypeNumber gives 28 for "AAAA" or "aaaa"; ok is false for no type.
func TypeNumber(s string) (t uint16, ok bool) {
	t, ok = dns.StringToType[strings.ToUpper(s)]
	return t, ok
}

// RcodeName gives "NXDOMAIN" for 3.
func RcodeName(r int) string {
	if s, ok := dns.RcodeToString[r]; ok {
		return s
	}
	return "RCODE" + itoa(r)
}

// RcodeNumber gives 3 for "NXDOMAIN".
func RcodeNumber(s string) (r int, ok bool) {
	r, ok = dns.StringToRcode[strings.ToUpper(s)]
	return r, ok
}

// Name makes s canonical: lower case, with the final dot. The root is ".".
func Name(s string) string { return dns.CanonicalName(s) }

// ValidName tells whether s can stand on the wire: labels of at most 63 bytes,
// 255 in all.
func ValidName(s string) bool {
	_, ok := dns.IsDomainName(s)
	return ok && s != "" && len(s) < 1025
}

// Under tells whether child lies at or below parent, label-wise.
func Under(parent, child string) bool { return dns.IsSubDomain(parent, child) }

// Labels counts them; the root has none.
func Labels(s string) int { return dns.CountLabel(s) }

// Parent gives the name one label up; the root's is the root.
func Parent(s string) string {
	i, end := dns.NextLabel(s, 0)
	if end || s == "." {
		return "."
	}
	return s[i:]
}

// Ancestors gives the names from the root down to s, both included.
func Ancestors(s string) []string {
	s = Name(s)
	out := make([]string, Labels(s)+1)
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = s
		s = Parent(s)
	}
	return out
}

// Addr is the address of an A or AAAA record; invalid for any other.
func Addr(rr RR) netip.Addr {
	var a netip.Addr
	switch r := rr.(type) {
	case *dns.A:
		a, _ = netip.AddrFromSlice(r.A)
	case *dns.AAAA:
		a, _ = netip.AddrFromSlice(r.AAAA)
	}
	return a.Unmap()
}

// Target is the name that a CNAME, DNAME, NS, MX, PTR or SRV points at,
// canonical; "" for any other.
func Target(rr RR) string {
	switch r := rr.(type) {
	case *dns.CNAME:
		return Name(r.Target)
	case *dns.DNAME:
		return Name(r.Target)
	case *dns.NS:
		return Name(r.Ns)
	case *dns.MX:
		return Name(r.Mx)
	case *dns.PTR:
		return Name(r.Ptr)
	case *dns.SRV:
		return Name(r.Target)
	}
	return ""
}

// Text joins the strings of a TXT record, which are one text on the wire cut
// into pieces of 255 bytes; "" for any other record. Escapes stay as they are.
func Text(rr RR) string {
	if t, ok := rr.(*dns.TXT); ok {
		return strings.Join(t.Txt, "")
	}
	return ""
}

// NextSecure is the rdata of an NSEC record that the judge shows; "" otherwise.
func NextSecure(rr RR) string {
	if n, ok := rr.(*dns.NSEC); ok {
		return Name(n.NextDomain)
	}
	return ""
}
