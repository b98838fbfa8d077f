package dnssec

// The limits of work. They stand far above what an honest zone needs and far
// below what KeyTrap (CVE-2023-50387) or NSEC3 exhaustion (CVE-2023-50868) need.
const (
	// MaxAttempts is how many pairs of a signature and a key are tried over one
	// record set. BIND tries 16 in a whole fetch, Unbound 8 a set: what has more
	// and still fails is Bogus to them, and so it is here, with WorkLimit.
	MaxAttempts = 16
	// MaxKeys is how many keys a DNSKEY set may have. BIND refuses any set of
	// more than 100 records (max-records-per-type).
	MaxKeys = 100
	// MaxDS is how many records of a DS set are looked at.
	MaxDS = 32
	// MaxRecords is how many records a set may have.
	MaxRecords = 1000
	// MaxNSEC3Iterations is the most iterations that are believed; more make the
	// zone Insecure, as in unbound (RFC 9276 section 3.2).
	MaxNSEC3Iterations = 150
	// MaxRSABits is the largest RSA key that is used; larger ones count as
	// unsupported, because a verification costs its square.
	MaxRSABits = 4096
)

// Budget is what one check may spend in all its validations together. It is
// not safe for concurrent use: give each server's validation its own, or lock.
type Budget struct {
	Verifications int // signature verifications left
	Hashes        int // NSEC3 name hashes left, each up to MaxNSEC3Iterations rounds
	// Proven, when not nil, spares what was verified before.
	Proven *Proven
}

// DefaultBudget is enough for a zone check with 8 names at one server, several
// times over: about 25 ms of CPU when it is spent to the end.
func DefaultBudget() *Budget { return &Budget{Verifications: 256, Hashes: 256} }

func (b *Budget) verify() bool { b.Verifications--; return b.Verifications >= 0 }
func (b *Budget) hash() bool   { b.Hashes--; return b.Hashes >= 0 }
