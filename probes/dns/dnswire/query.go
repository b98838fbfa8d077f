package dnswire

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"strings"

	"github.com/miekg/dns"
)

// EDNSSize is the UDP payload size that we advertise (DNS flag day 2020).
const EDNSSize = 1232

// Transport says how a query travels.
type Transport uint8

const (
	// Auto is UDP, then TCP when the reply was truncated.
	Auto Transport = iota
	// UDP only, a truncated reply is the result.
	UDP
	// TCP only.
	TCP
)

// String gives auto, udp or tcp.
func (t Transport) String() string {
	return [...]string{"auto", "udp", "tcp"}[t]
}

// Query is one question and the manner of asking it. The zero values are what
// an authoritative server is asked with: no recursion, EDNS of EDNSSize.
type Query struct {
	Name      string // canonical
	Type      uint16
	RD, CD    bool
	DO        bool
	NoEDNS    bool // a plain RFC 1035 query; DO, NSID, Cookie don't apply
	Version   uint8
	NSID      bool
	Cookie    bool // send a fresh client cookie (RFC 7873)
	Unknown   bool // send an unassigned EDNS option, which a server must ignore
	KeepCase  bool // don't mix the case of the name (0x20)
	Transport Transport

	given string // the cookie that a server gave, ours in front, hex
}

// String is the question as people write it: "www.example. AAAA".
func (q Query) String() string { return q.Name + " " + TypeName(q.Type) }

// unassignedOption is from the range for experiments (RFC 6891 9).
const unassignedOption = 65001

// build makes the message with a random id, a name of random case and what
// EDNS asks for; cookie is the client cookie in hex, "" without one.
func (q Query) build() (m *dns.Msg, cookie string) {
	var rnd [40]byte
	_, _ = rand.Read(rnd[:]) // never fails (crypto/rand, Go 1.24)
	m = &dns.Msg{}
	m.Id = binary.BigEndian.Uint16(rnd[:2])
	m.RecursionDesired, m.CheckingDisabled = q.RD, q.CD
	name := q.Name
	if !q.KeepCase {
		name = mixCase(name, rnd[2:32])
	}
	m.Question = []dns.Question{{Name: name, Qtype: q.Type, Qclass: dns.ClassINET}}
	if q.NoEDNS {
		return m, ""
	}
	opt := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}
	opt.SetUDPSize(EDNSSize)
	opt.SetVersion(q.Version)
	if q.DO {
		opt.SetDo()
	}
	if q.NSID {
		opt.Option = append(opt.Option, &dns.EDNS0_NSID{Code: dns.EDNS0NSID})
	}
	if q.Cookie {
		cookie = hex.EncodeToString(rnd[32:40])
		whole := cookie
		if q.given != "" {
			cookie, whole = q.given[:16], q.given
		}
		opt.Option = append(opt.Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: whole})
	}
	if q.Unknown {
		opt.Option = append(opt.Option, &dns.EDNS0_LOCAL{Code: unassignedOption, Data: []byte{1}})
	}
	m.Extra = append(m.Extra, opt)
	return m, cookie
}

// mixCase flips letters by the bits of rnd (draft-vixie-dnsext-dns0x20). It
// leaves names with escapes alone: a flipped digit of "\097" is another name.
func mixCase(name string, rnd []byte) string {
	if strings.Contains(name, `\`) {
		return name
	}
	b := []byte(name)
	for i, c := range b {
		if c >= 'a' && c <= 'z' && rnd[i/8%len(rnd)]>>(i%8)&1 == 1 {
			b[i] = c - 32
		}
	}
	return string(b)
}

// CookieState is what a server made of our client cookie.
type CookieState uint8

const (
	// CookieNone means that the server ignored it, as it may.
	CookieNone CookieState = iota
	// CookieOK means an echo with a server cookie of 8 to 32 bytes behind it.
	CookieOK
	// CookieBare means that only our own half came back.
	CookieBare
	// CookieAltered means that our half came back changed, which only a broken
	// server or somebody on the path does.
	CookieAltered
)

// EDNS is what the OPT record of a reply says.
type EDNS struct {
	Present bool
	Version uint8
	Size    uint16
	DO      bool
	NSID    string // hex; "" = none
	Cookie  CookieState
	Echoed  bool // the unassigned option came back
	EDE     []EDE

	given string // the whole cookie, when Cookie is CookieOK
}

// EDE is an extended error (RFC 8914). Text is remote and unbounded up to the
// message's size: quote it.
type EDE struct {
	Code uint16
	Text string
}

func readEDNS(m *dns.Msg, sent string) EDNS {
	opt := m.IsEdns0()
	if opt == nil {
		return EDNS{}
	}
	e := EDNS{Present: true, Version: opt.Version(), Size: opt.UDPSize(), DO: opt.Do()}
	for _, o := range opt.Option {
		switch v := o.(type) {
		case *dns.EDNS0_NSID:
			e.NSID = v.Nsid
		case *dns.EDNS0_COOKIE:
			if e.Cookie = cookieState(v.Cookie, sent); e.Cookie == CookieOK {
				e.given = v.Cookie
			}
		case *dns.EDNS0_EDE:
			if len(e.EDE) < 8 {
				e.EDE = append(e.EDE, EDE{v.InfoCode, v.ExtraText})
			}
		case *dns.EDNS0_LOCAL:
			e.Echoed = e.Echoed || v.Code == unassignedOption
		}
	}
	return e
}

func cookieState(got, sent string) CookieState {
	switch {
	case sent == "":
		return CookieNone
	case len(got) < 16 || !strings.EqualFold(got[:16], sent):
		return CookieAltered
	case len(got) == 16:
		return CookieBare
	case len(got) >= 32 && len(got) <= 80:
		return CookieOK
	}
	return CookieAltered
}
