package dnssec

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"watchpost.example/internal/testneed"
)

// unboundVectors is the folder with Unbound's own test vectors. They are not
// ours and so not in this tree: .ci/vectors fetches Debian's source package.
func unboundVectors(tb testing.TB) string {
	tb.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		tb.Fatal(err)
	}
	dir := filepath.Join(cache, "watchpost", "unbound", "testdata")
	if _, err := os.Stat(dir); err != nil {
		testneed.Missing(tb, "Unbound's test vectors are not in "+dir+": run .ci/vectors")
	}
	return dir
}

// entry is one message of a test file, in the format of ldns-testpkts.
type entry struct {
	opts string // what the MATCH, ADJUST and REPLY lines say
	msg  *dns.Msg
	bad  []string // records that the wire library can't read
}

// readEntry reads from behind ENTRY_BEGIN to ENTRY_END.
func readEntry(sc *bufio.Scanner) entry {
	e := entry{msg: &dns.Msg{}}
	section := ""
	for sc.Scan() {
		line := strings.TrimSpace(sc.Text())
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case line == "" || line[0] == ';':
		case line == "ENTRY_END":
			return e
		case word == "MATCH", word == "ADJUST":
			e.opts += " " + line
		case word == "REPLY":
			e.opts += " " + line
			e.header(rest)
		case word == "SECTION":
			section = strings.TrimSpace(rest)
		default:
			e.record(section, line)
		}
	}
	return e
}

func (e *entry) header(flags string) {
	for f := range strings.FieldsSeq(flags) {
		switch r, ok := dns.StringToRcode[f]; {
		case ok:
			e.msg.Rcode = r
		case f == "AA":
			e.msg.Authoritative = true
		case f == "AD":
			e.msg.AuthenticatedData = true
		}
	}
}

func (e *entry) record(section, line string) {
	if section == "QUESTION" {
		f := strings.Fields(strings.SplitN(line, ";", 2)[0])
		t := dns.StringToType[f[len(f)-1]]
		e.msg.Question = []dns.Question{{Name: dns.Fqdn(f[0]), Qtype: t, Qclass: dns.ClassINET}}
		return
	}
	rr, err := dns.NewRR(line)
	if err != nil || rr == nil {
		e.bad = append(e.bad, line)
		return
	}
	switch n := rr.(type) { // in text they have any order
	case *dns.NSEC:
		slices.Sort(n.TypeBitMap)
	case *dns.NSEC3:
		slices.Sort(n.TypeBitMap)
	}
	switch section {
	case "ANSWER":
		e.msg.Answer = append(e.msg.Answer, rr)
	case "AUTHORITY":
		e.msg.Ns = append(e.msg.Ns, rr)
	case "ADDITIONAL":
		e.msg.Extra = append(e.msg.Extra, rr)
	}
}

func readEntries(tb testing.TB, file string) []entry {
	tb.Helper()
	f, err := os.Open(file)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = f.Close() }() // only read
	var out []entry
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if strings.TrimSpace(sc.Text()) == "ENTRY_BEGIN" {
			out = append(out, readEntry(sc))
		}
	}
	return out
}

func at(tb testing.TB, stamp string) time.Time {
	tb.Helper()
	d, err := time.Parse("20060102150405", stamp)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// TestUnboundSignatures runs Unbound's signature vectors. Every set of an
// algorithm that is supported verifies, and what is called bogus there does not.
func TestUnboundSignatures(t *testing.T) {
	t.Parallel()
	dir := unboundVectors(t)
	good, bad, unsupported, signed := 0, 0, 0, 0
	for file, stamp := range map[string]string{ // the moments of testcode/unitverify.c
		"test_signatures.1": "20070818005004", "test_signatures.2": "20080414005004", "test_signatures.3": "20080416005004",
		"test_signatures.4": "20080416005004", "test_signatures.5": "20080416005004", "test_signatures.6": "20080416005004",
		"test_signatures.7": "20070829144150", "test_signatures.8": "20070829144150", "test_signatures.9": "20171215000000",
		"test_sigs.rsasha256": "20070829144150", "test_sigs.sha1_and_256": "20070829144150", "test_sigs.rsasha256_draft": "20090101000000",
		"test_sigs.rsasha512_draft": "20070829144150", "test_sigs.hinfo": "20090107100022", "test_sigs.revoked": "20080414005004",
		"test_sigs.ecdsa_p256": "20100908100439", "test_sigs.ecdsa_p384": "20100908100439", "test_sigs.ed25519": "20170530140439",
		"test_sigs.ed448": "20180408143630", "test_sigs.gost": "20090807060504",
	} {
		entries := readEntries(t, filepath.Join(dir, file))
		var keys []*dns.DNSKEY
		for _, rr := range entries[0].msg.Answer {
			if k, ok := rr.(*dns.DNSKEY); ok {
				keys = append(keys, k)
			}
		}
		for _, e := range entries[1:] {
			if len(e.bad) > 0 {
				t.Errorf("%s: %q is not read", file, e.bad)
			}
			for _, c := range setsOf(e.msg) {
				verify := func(sigs []*dns.RRSIG) Outcome {
					return VerifyRRset(keys[0].Hdr.Name, c.set, sigs, keys, at(t, stamp), DefaultBudget())
				}
				for i := range c.sigs {
					if verify(c.sigs[i:i+1]).Status == Secure {
						signed++
					}
				}
				o := verify(c.sigs)
				wrong := len(c.sigs) == 0 || strings.HasPrefix(c.set[0].Header().Name, "bogus") || strings.HasPrefix(e.msg.Question[0].Name, "bogus")
				switch {
				case wrong && file == "test_sigs.sha1_and_256" && o.Status == Secure:
					// One of its two algorithms is right: Unbound's test wants all,
					// RFC 6840 section 5.11 says that a validator must not.
					bad++
				case wrong && o.Status != Bogus:
					t.Errorf("%s: %s is %v, it is meant to be bogus", file, c.set[0], o.Status)
				case wrong:
					bad++
				case o.Status == Secure:
					good++
				case file == "test_sigs.revoked" && o.Cause == KeyRevoked:
					// Unbound's test is of the arithmetic only; a revoked key
					// signs nothing but its own key set (RFC 5011 section 2.1).
					if data, ok := mustForm(t, c.set).signedData(c.sigs[0]); !ok || !verifySignature(keys[0], data, c.sigs[0].Signature) {
						t.Errorf("%s: %v does not verify", file, c.set[0])
					}
					good, signed = good+1, signed+1
				case !supported(c.sigs) && o.Status == Bogus && o.Cause == KeyMissing:
					unsupported++
				default:
					t.Errorf("%s: %v: %v %s %s", file, c.set[0], o.Status, o.Cause, o.Detail)
				}
			}
		}
	}
	t.Logf("%d sets verify (%d signatures), %d are refused as they should be, %d are of algorithms that nobody is to use (DSA, GOST) or that we lack (Ed448)", good, signed, bad, unsupported)
	if signed < 279 || bad < 12 { // Debian 12's 1.17.1
		t.Errorf("%d signatures hold and %d sets are refused, want at least 279 and 12", signed, bad)
	}
}

func mustForm(tb testing.TB, set []dns.RR) canonicalSet {
	tb.Helper()
	c, ok := newCanonicalSet(set)
	if !ok {
		tb.Fatalf("%v has no canonical form", set[0])
	}
	return c
}

type signedSet struct {
	set  []dns.RR
	sigs []*dns.RRSIG
}

// setsOf splits a message into its record sets, section by section.
func setsOf(m *dns.Msg) []signedSet {
	var out []signedSet
	for _, section := range [][]dns.RR{m.Answer, m.Ns, m.Extra} {
		seen := map[string]bool{}
		for _, rr := range section {
			h := rr.Header()
			key := canonical(h.Name) + dns.TypeToString[h.Rrtype]
			if h.Rrtype == dns.TypeRRSIG || h.Rrtype == dns.TypeOPT || seen[key] {
				continue
			}
			seen[key] = true
			out = append(out, signedSet{rrset(section, h.Name, h.Rrtype), signatures(section, h.Name, h.Rrtype)})
		}
	}
	return out
}

func supported(sigs []*dns.RRSIG) bool {
	for _, s := range sigs {
		if AlgorithmSupported(s.Algorithm) {
			return true
		}
	}
	return false
}

func TestUnboundDigests(t *testing.T) {
	t.Parallel()
	dir := unboundVectors(t)
	n := 0
	for _, file := range []string{"test_ds.sha1", "test_ds.sha384"} {
		for _, e := range readEntries(t, filepath.Join(dir, file)) {
			var ds *dns.DS
			var key *dns.DNSKEY
			for _, rr := range e.msg.Answer {
				switch rr := rr.(type) {
				case *dns.DS:
					ds = rr
				case *dns.DNSKEY:
					key = rr
				}
			}
			n++
			if ok, _ := names(ds, key); ok != (e.msg.Question[0].Name == "yes.") {
				t.Errorf("%s: %v names %v: %v", file, ds, key, ok)
			}
		}
	}
	t.Logf("%d digests", n)
}

func TestUnboundNSEC3Hashes(t *testing.T) {
	t.Parallel()
	n := 0
	for _, e := range readEntries(t, filepath.Join(unboundVectors(t), "test_nsec3_hash.1")) {
		rr, ok := e.msg.Ns[0].(*dns.NSEC3)
		if !ok {
			t.Fatalf("%v", e.msg.Ns[0])
		}
		n++
		p := nsec3s{list: []*dns.NSEC3{rr}, budget: DefaultBudget(), spent: new(bool)}
		want := strings.ToUpper(dns.SplitDomainName(e.msg.Answer[0].Header().Name)[0])
		if got := p.hash(e.msg.Question[0].Name); got != want {
			t.Errorf("H(%s) = %s, want %s", e.msg.Question[0].Name, got, want)
		}
	}
	t.Logf("%d hashes", n)
}
