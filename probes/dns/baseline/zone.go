package baseline

import (
	"net/netip"
	"slices"
	"time"
)

// Zone is the approved state of one zone. Empty parts aren't compared.
type Zone struct {
	Zone     string `yaml:"zone"`
	Learned  Stamp  `yaml:"learned"`
	Approved Stamp  `yaml:"approved"`
	// Attention is what was wrong with the zone when it was learned. It is for
	// the person who approves and is compared with nothing.
	Attention []string   `yaml:"attention"`
	Security  string     `yaml:"security"` // secure, insecure; "" = not compared
	Serial    uint32     `yaml:"serial"`
	Parent    Delegation `yaml:"parent"`
	NS        []string   `yaml:"ns"` // the zone's own NS set
	SOA       SOA        `yaml:"soa"`
	// DNSKEY is the key-signing keys, as "flags protocol algorithm key". They
	// are compared when no DS vouches for the keys.
	DNSKEY     []string   `yaml:"dnskey"`
	Signatures Signatures `yaml:"signatures"`
	Records    []Record   `yaml:"records"`
	Random     *Random    `yaml:"random"`
	Changes    []Change   `yaml:"changes"`
}

// Stamp says who did it, when, and why.
type Stamp struct {
	By   string    `yaml:"by"`
	At   time.Time `yaml:"at"`
	Note string    `yaml:"note"`
}

// Delegation is what the parent's servers say.
type Delegation struct {
	NS   []string `yaml:"ns"`
	DS   []string `yaml:"ds"` // "tag algorithm digest-type digest"
	Glue []Glue   `yaml:"glue"`
}

// Glue is the addresses of one server in the delegation.
type Glue struct {
	Name      string       `yaml:"name"`
	Addresses []netip.Addr `yaml:"addresses"`
}

// SOA is the part of the SOA that doesn't move.
type SOA struct {
	MName string `yaml:"mname"`
	RName string `yaml:"rname"`
}

// Signatures is the zone's habit: how long its signatures live and the least
// that was ever left of one, in seconds. 0 = not known.
type Signatures struct {
	Validity int64 `yaml:"validity"`
	Least    int64 `yaml:"least"`
}

// Policy says how a record set is compared.
type Policy string

// The policies.
const (
	Exact  Policy = "exact"  // the same set
	Subset Policy = "subset" // nothing beyond the set, for rotation
	Within Policy = "within" // addresses inside networks or AS numbers, targets below suffixes: GeoDNS, CDN
	Ignore Policy = "ignore" // asked and validated, not compared
)

// Policies are the words of Policy.
func Policies() []string {
	return []string{string(Exact), string(Subset), string(Within), string(Ignore)}
}

// Record is one approved record set.
type Record struct {
	Name   string   `yaml:"name"`
	Type   string   `yaml:"type"`
	Policy Policy   `yaml:"policy"` // "" = exact
	Values []string `yaml:"values"` // empty with exact or subset: there must be none
	TTL    uint32   `yaml:"ttl"`    // the largest seen; 0 = not compared
	// Networks, ASN and Suffixes are for Within.
	Networks []netip.Prefix `yaml:"networks"`
	ASN      []ASN          `yaml:"asn"` // wants a Table
	Suffixes []string       `yaml:"suffixes"`
	// Note is for people: why it is so. approve keeps it.
	Note string `yaml:"note"`

	table *Table
}

// Attach gives the records the table that tells their addresses' AS numbers.
func (z *Zone) Attach(t *Table) {
	for i := range z.Records {
		z.Records[i].table = t
	}
}

// WantsTable tells whether a record is judged by AS numbers.
func (z *Zone) WantsTable() bool {
	return slices.ContainsFunc(z.Records, func(r Record) bool { return len(r.ASN) > 0 })
}

// Random is what a label that nobody made answers: NXDOMAIN, or a wildcard's set.
type Random struct {
	Rcode  string   `yaml:"rcode"`
	Values []string `yaml:"values"`
}

// Change is a window in which differences are expected: they are then noted
// instead of paged. It needs two people, By and SecondBy.
type Change struct {
	From     time.Time `yaml:"from"`
	Until    time.Time `yaml:"until"`
	By       string    `yaml:"by"`
	SecondBy string    `yaml:"second_by"`
	Why      string    `yaml:"why"`
}

// Changing tells whether an announced change covers now.
func (z *Zone) Changing(now time.Time) bool {
	for _, c := range z.Changes {
		if !now.Before(c.From) && now.Before(c.Until) && c.By != "" && c.SecondBy != "" && c.By != c.SecondBy {
			return true
		}
	}
	return false
}

// Find gives the approved set of a name and type.
func (z *Zone) Find(name, typ string) (Record, bool) {
	for _, r := range z.Records {
		if r.Name == name && r.Type == typ {
			return r, true
		}
	}
	return Record{}, false
}
