package zone

import (
	"net/netip"
	"time"

	"watchpost.example/probes/dns/dnssec"
	"watchpost.example/probes/dns/dnswire"
)

// Look is all that one look asked and got: with the baseline and the clock, the
// only input of the judge.
type Look struct {
	Zone     string
	Watched  []Watch
	Random   string // the label that nobody made, a full name
	At       time.Time
	Chain    []Link // root to parent, as far as they were reached
	ChainErr error  // why the walk ended early; walk.ErrGone: the zone is gone
	// NamesOnly leaves the delegation and the servers' own health to dns_zone.
	NamesOnly bool
	// NoParent marks the root, or a zone that is its own trust anchor.
	NoParent  bool
	Parents   []Parent
	Servers   []*Server
	Hosts     []Host // the name servers' names and what they resolve to
	Resolvers []*Resolver
	Targets   []Pointed
	Queries   int           // all queries of this look
	ToParent  int           // of these, to the parent's servers
	Trust     dnssec.Anchor // of the zone itself, when an anchor names it
	// Cut tells that our own time ran out before all was asked.
	Cut bool
	// First is the look that this one confirms, nil for a first look.
	First *Look
}

// Watch is a name and type that is asked at every server.
type Watch struct {
	Name string
	Type uint16
}

// String is "www.example. A".
func (w Watch) String() string { return w.Name + " " + dnswire.TypeName(w.Type) }

// Link is a zone above the one looked at, with the keys that the chain of trust
// from the anchor gives for it. Links are shared by all looks and kept by TTL.
type Link struct {
	Zone    string
	Servers []string // names
	Keys    []*dnswire.DNSKEY
	Outcome dnssec.Outcome
}

// Exchange is one question to one server and what came of it.
type Exchange struct {
	Reply *dnswire.Reply // nil when not asked
	Err   error
}

// OK tells that a reply came.
func (x Exchange) OK() bool { return x.Reply != nil && x.Err == nil && x.Reply.Msg != nil }

// Msg is the reply, nil without one.
func (x Exchange) Msg() *dnswire.Msg {
	if !x.OK() {
		return nil
	}
	return x.Reply.Msg
}

// Rcode is the reply's, -1 without one.
func (x Exchange) Rcode() int {
	if !x.OK() {
		return -1
	}
	return x.Reply.Msg.Rcode
}

// Parent is what one server of the parent zone says of the delegation.
type Parent struct {
	Name string
	Addr netip.AddrPort
	NS   Exchange
	DS   Exchange // asked only when the referral didn't tell
}

// Server is one address of one name server of the zone.
type Server struct {
	Name     string
	Addr     netip.AddrPort
	InParent bool
	InChild  bool
	// Plain tells that it had to be asked without EDNS, and OverTCP that UDP is silent.
	Plain, OverTCP bool
	// NoOptions and KeepCase tell that it does not bear EDNS options or a name of
	// mixed case.
	NoOptions, KeepCase bool

	SOA, SOATCP, NS, DNSKEY, CDS, CDNSKEY, Random, NoData Exchange
	Watched                                               []Exchange // as Look.Watched
	Hosts                                                 []Exchange // as Look.Hosts, two each (A, AAAA); only for names inside the zone

	Cuts []Exchange // DS of names below the zone that it gave data of without the zone's signature

	Bare    Exchange // SOA without EDNS, when only that is answered
	Eased   Exchange // SOA without options or mixed case, when only that is answered
	Hygiene *Hygiene // nil when it wasn't its turn
	// TCP is Watched, and NSTCP is NS, asked again over TCP.
	TCP   []Exchange
	NSTCP Exchange

	zone string
	// hopeless tells that simpler ways of asking brought nothing either.
	hopeless bool
}

// Answers tells whether the server speaks with authority for the zone, so that
// its answers can be judged.
func (s *Server) Answers() bool { return speaks(s.zone, s.first()) }

// soa is what an answering server's first answer says.
func (s *Server) soa() *dnswire.SOA { return soaOf(s.zone, s.first().Msg()) }

// first is the SOA answer that counts.
func (s *Server) first() Exchange {
	switch {
	case s.OverTCP:
		return s.SOATCP
	case s.Plain:
		return s.Bare
	case s.Eased.OK():
		return s.Eased
	case cutShort(s.SOA): // large signatures: the whole is to be had over TCP
		return s.SOATCP
	}
	return s.SOA
}

// Hygiene is asked once a day and remembered.
type Hygiene struct {
	Version   Exchange // EDNS version 1
	Option    Exchange // an unassigned EDNS option
	Transfer  int      // records of the first message of a transfer; 0 = none was given
	Recursion Exchange // a name of somebody else, with RD
	At        time.Time
}

// Host is a name server's name.
type Host struct {
	Name     string
	InParent bool
	InChild  bool
	Glue     []netip.Addr
	Own      []netip.Addr // what its own zone says; only for names outside the zone
	Alias    string       // the target when the name is a CNAME
	Err      error        // why Own is empty
}

// Resolver is what one recursive resolver says.
type Resolver struct {
	Addr netip.AddrPort
	// Operator is who runs it; "" = nobody said, and it counts as its own.
	Operator string
	Watched  []Exchange // as Look.Watched
	Random   Exchange
	Check    []Exchange // with checking disabled, where Watched was SERVFAIL
}

// Pointed is where a CNAME, NS or MX points.
type Pointed struct {
	From   string // "www.example. CNAME"
	Name   string
	Err    error  // nil = it exists; walk.ErrGone = it does not
	Domain string // its registrable domain
	Free   bool   // the registry's servers say that Domain does not exist
}
