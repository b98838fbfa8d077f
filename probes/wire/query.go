package wire

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// udpSize is the payload that never needs fragments (DNS flag day 2020).
const udpSize = 1232

// question is one question on its way: what the reply must repeat exactly.
type question struct {
	id   uint16
	name string // with the letters' case mixed at random (0x20), final dot included
	typ  dnsmessage.Type
}

func newQuestion(name string, typ dnsmessage.Type) question {
	var b [34]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	mixed := []byte(strings.TrimSuffix(name, ".") + ".")
	for i, c := range mixed {
		if c >= 'a' && c <= 'z' && b[2+i/8%32]>>(i%8)&1 == 1 {
			mixed[i] = c - 'a' + 'A'
		}
	}
	return question{id: binary.BigEndian.Uint16(b[:]), name: string(mixed), typ: typ}
}

// pack gives the wire form after two bytes for TCP's length.
func (q question) pack(edns bool) ([]byte, error) {
	n, err := dnsmessage.NewName(q.name)
	if err != nil {
		return nil, err
	}
	b := dnsmessage.NewBuilder(make([]byte, 2, 128), dnsmessage.Header{ID: q.id, RecursionDesired: true})
	b.EnableCompression()
	if err := b.StartQuestions(); err != nil {
		return nil, err
	}
	if err := b.Question(dnsmessage.Question{Name: n, Type: q.typ, Class: dnsmessage.ClassINET}); err != nil {
		return nil, err
	}
	if edns {
		if err := b.StartAdditionals(); err != nil {
			return nil, err
		}
		var h dnsmessage.ResourceHeader
		if err := h.SetEDNS0(udpSize, dnsmessage.RCodeSuccess, false); err != nil {
			return nil, err
		}
		if err := b.OPTResource(h, dnsmessage.OPTResource{}); err != nil {
			return nil, err
		}
	}
	return b.Finish()
}

// errNotOurs marks a packet that answers no question of ours: a forgery, a
// late reply. It is dropped and the wait goes on.
var errNotOurs = errors.New("the reply is not to our question")

// errByTCP marks a reply that must be asked for again over TCP: truncated, or
// the case of the name was not kept, so that a forgery can't be told.
var errByTCP = errors.New("must be asked over TCP")

// parseReply reads the reply to q. Addresses are those at the end of the alias
// chain that begins at q.name, at most 16 aliases; records beside it are not
// believed.
func parseReply(msg []byte, q question, tcp bool) (family, error) {
	var p dnsmessage.Parser
	rcode, err := admit(&p, msg, q, tcp)
	if err != nil {
		return family{}, err
	}
	f := family{answered: true, rcode: rcode, ttl: maxTTL}
	if rcode != dnsmessage.RCodeSuccess {
		f.ttl = negativeTTL(&p, true)
		return f, nil
	}
	if err := f.collect(&p, q); err != nil {
		return family{}, errNotOurs
	}
	if len(f.addrs) == 0 {
		f.ttl = min(f.ttl, negativeTTL(&p, false))
	}
	return f, nil
}

// admit reads header and question, and says whether they are the reply's to q.
func admit(p *dnsmessage.Parser, msg []byte, q question, tcp bool) (dnsmessage.RCode, error) {
	h, err := p.Start(msg)
	if err != nil || h.ID != q.id || !h.Response {
		return 0, errNotOurs
	}
	qs, err := p.AllQuestions()
	old := h.RCode == dnsmessage.RCodeFormatError || h.RCode == dnsmessage.RCodeNotImplemented
	switch {
	case err != nil:
		return 0, errNotOurs
	case len(qs) == 0 && old && !tcp:
		return 0, errByTCP // a server from before EDNS; TCP asks without
	case len(qs) != 1 || !q.repeated(qs[0]):
		return 0, errNotOurs
	case !tcp && (old || h.Truncated || qs[0].Name.String() != q.name):
		return 0, errByTCP
	}
	return h.RCode, nil
}

// repeated tells whether a reply's question is ours, case aside.
func (q question) repeated(r dnsmessage.Question) bool {
	return r.Type == q.typ && r.Class == dnsmessage.ClassINET && strings.EqualFold(r.Name.String(), q.name)
}

// Bounds of an answer section.
const (
	maxAliases = 16
	maxRecords = 512
)

// collect walks the answer section once; aliases come before what they lead to
// from every resolver, so one pass follows them.
func (f *family) collect(p *dnsmessage.Parser, q question) error {
	at, aliases := q.name, 0
	for range maxRecords {
		h, err := p.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			return nil
		}
		if err != nil {
			return err
		}
		wanted := h.Type == q.typ || h.Type == dnsmessage.TypeCNAME
		if !wanted || h.Class != dnsmessage.ClassINET || !strings.EqualFold(h.Name.String(), at) {
			if err := p.SkipAnswer(); err != nil {
				return err
			}
			continue
		}
		f.ttl = min(f.ttl, time.Duration(h.TTL)*time.Second)
		next, err := f.record(p, h.Type)
		if err != nil {
			return err
		}
		if next != "" {
			at = next
			aliases++
		}
		if aliases > maxAliases {
			return errors.New("too many aliases")
		}
	}
	return errors.New("too many records")
}

// record takes one A, AAAA or CNAME; alias is where the latter leads.
func (f *family) record(p *dnsmessage.Parser, typ dnsmessage.Type) (alias string, err error) {
	switch typ {
	case dnsmessage.TypeCNAME:
		c, err := p.CNAMEResource()
		return c.CNAME.String(), err
	case dnsmessage.TypeA:
		a, err := p.AResource()
		f.addrs = append(f.addrs, netip.AddrFrom4(a.A))
		return "", err
	}
	a, err := p.AAAAResource()
	f.addrs = append(f.addrs, netip.AddrFrom16(a.AAAA).Unmap())
	return "", err
}

// negativeTTL is that of RFC 2308 5: the lesser of the SOA's TTL and minimum.
// Without an SOA nothing may be kept, so the cache's own least is used.
func negativeTTL(p *dnsmessage.Parser, skipAnswers bool) time.Duration {
	if skipAnswers {
		if err := p.SkipAllAnswers(); err != nil {
			return minTTL
		}
	}
	for range 64 {
		h, err := p.AuthorityHeader()
		if err != nil {
			return minTTL
		}
		if h.Type != dnsmessage.TypeSOA {
			if p.SkipAuthority() != nil {
				return minTTL
			}
			continue
		}
		soa, err := p.SOAResource()
		if err != nil {
			return minTTL
		}
		return time.Duration(min(h.TTL, soa.MinTTL)) * time.Second
	}
	return minTTL
}

// attempt asks one server for the families of known that are not settled, both
// over one socket so that a look-up costs one.
func (r *resolver) attempt(ctx context.Context, name string, server netip.AddrPort, d time.Duration, known [2]family) ([2]family, error) {
	var out [2]family
	var qs [2]question
	open := 0
	c, err := r.wire.dial(ctx, "udp", server)
	if err != nil {
		return out, err
	}
	defer func() { _ = c.Close() }() // nothing is lost with it
	if err := c.SetDeadline(time.Now().Add(d)); err != nil {
		return out, err
	}
	for i, typ := range [2]dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA} {
		if known[i].settled() {
			continue
		}
		qs[i] = newQuestion(name, typ)
		b, err := qs[i].pack(true)
		if err != nil {
			return out, err
		}
		if _, err := c.Write(b[2:]); err != nil {
			return out, err
		}
		open++
	}
	buf := make([]byte, 4096)
	for open > 0 {
		n, err := c.Read(buf)
		if err != nil {
			return out, err
		}
		for i := range qs {
			if qs[i].name == "" || out[i].answered {
				continue
			}
			f, perr := parseReply(buf[:n], qs[i], false)
			if errors.Is(perr, errNotOurs) {
				continue
			}
			if errors.Is(perr, errByTCP) {
				if f, err = r.byTCP(ctx, qs[i], server, d); err != nil {
					return out, err
				}
			}
			out[i] = f
			open--
			break
		}
	}
	return out, nil
}

// byTCP asks again over TCP, without EDNS.
func (r *resolver) byTCP(ctx context.Context, q question, server netip.AddrPort, d time.Duration) (family, error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	c, err := r.wire.dial(ctx, "tcp", server)
	if err != nil {
		return family{}, err
	}
	defer func() { _ = c.Close() }() // nothing is lost with it
	b, err := q.pack(false)
	if err != nil {
		return family{}, err
	}
	binary.BigEndian.PutUint16(b, uint16(len(b)-2))
	if _, err := c.Write(b); err != nil {
		return family{}, err
	}
	msg, err := readFrame(c)
	if err != nil {
		return family{}, err
	}
	return parseReply(msg, q, true)
}

// readFrame reads one length-prefixed message (RFC 1035 4.2.2).
func readFrame(c net.Conn) ([]byte, error) {
	var l [2]byte
	if _, err := io.ReadFull(c, l[:]); err != nil {
		return nil, err
	}
	msg := make([]byte, binary.BigEndian.Uint16(l[:]))
	_, err := io.ReadFull(c, msg)
	return msg, err
}

// sane tells whether the server answers for the root at all; see alive.
func (r *resolver) sane(ctx context.Context, server netip.AddrPort, d time.Duration) bool {
	c, err := r.wire.dial(ctx, "udp", server)
	if err != nil {
		return false
	}
	defer func() { _ = c.Close() }() // nothing is lost with it
	if c.SetDeadline(time.Now().Add(d)) != nil {
		return false
	}
	q := newQuestion(".", dnsmessage.TypeNS)
	b, err := q.pack(true)
	if err != nil {
		return false
	}
	if _, err := c.Write(b[2:]); err != nil {
		return false
	}
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return false
		}
		// Any reply to our question will do, an error code and a truncated
		// one too: it shows that somebody is there.
		if f, perr := parseReply(buf[:n], q, false); errors.Is(perr, errByTCP) ||
			perr == nil && f.answered && f.rcode != dnsmessage.RCodeRefused {
			return true
		}
	}
}
