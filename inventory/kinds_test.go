package inventory_test

import (
	"os"
	"strings"
	"testing"

	"watchpost.example/inventory"
	"watchpost.example/probes"
	"watchpost.example/probes/dns"
	"watchpost.example/probes/http"
	"watchpost.example/probes/icmp"
	"watchpost.example/probes/tcp"
	"watchpost.example/probes/tls"
	"watchpost.example/probes/wire"
)

func realKinds(t *testing.T) []probes.Kind {
	t.Helper()
	w, err := wire.New(wire.Options{Resolvers: []string{"127.0.0.1:53"}})
	if err != nil {
		t.Fatal(err)
	}
	return []probes.Kind{http.Kind(w), tls.Kind(w), tcp.Kind(w), icmp.Kind(w), dns.Kind(w)}
}

// The profiles speak the real kinds' words.
func TestProfilesOfRealKinds(t *testing.T) {
	t.Parallel()
	inv, problems := inventory.Parse("f.yaml", []byte(`
units:
  - id: a
    systems:
      - {id: web, url: "https://cổng.example/", with: [icmp]}
      - {id: mail, url: "smtp://mail.example"}
      - {id: mail6, url: "smtp://[2001:db8::25]:587", with: [icmp]}
      - {id: ldap, url: "tcp://ldap.example:389"}
      - {id: gw, url: "icmp://192.0.2.1"}
      - {id: zone, url: "dns://đơnvị.example"}
`), realKinds(t))
	if problems != nil {
		t.Fatal(problems)
	}
	var got []string
	for _, c := range inv.Checks {
		got = append(got, c.ID.String()+" "+c.Kind+" "+c.Instance)
	}
	want := `a/gw/icmp icmp 192.0.2.1
a/ldap/tcp tcp ldap.example:389
a/mail/smtp tcp mail.example:25
a/mail/starttls tls mail.example:25
a/mail6/icmp icmp 2001:db8::25
a/mail6/smtp tcp [2001:db8::25]:587
a/mail6/starttls tls [2001:db8::25]:587
a/web/http http https://xn--cng-qmz.example/
a/web/icmp icmp xn--cng-qmz.example
a/web/tls tls xn--cng-qmz.example:443
a/zone/dns dns xn--nv-pma09cu08i.example SOA`
	if g := strings.Join(got, "\n"); g != want {
		t.Errorf("got\n%s\nwant\n%s", g, want)
	}
}

// A profile whose kinds are not there must not leave a system unwatched in silence.
func TestAProfileWithoutItsKinds(t *testing.T) {
	t.Parallel()
	_, problems := inventory.Parse("f.yaml", []byte("units: [{id: a, systems: [{url: 'icmp://x.example'}]}]"), realKinds(t)[:3])
	if got, want := problems.Error(), "f.yaml:1:33: a/x.example: profile ping has no kind of check in this watchpost; known kinds: http, tcp, tls"; got != want {
		t.Errorf("got %q", got)
	}
}

// What the real kinds find wrong is told at its place, once, and nothing else.
func TestMistakesInRealSettings(t *testing.T) {
	t.Parallel()
	_, problems := inventory.Parse("f.yaml", []byte(`units:
  - id: a
    systems:
      - id: s
        url: https://s.example/
        profile: web
        checks:
          - {id: http, method: GTE, expect: {status: [2xx, "99"], body: "ok("}, max_redirects: 99}
          - {id: tls, starttls: smpt}
          - {id: x, kind: tcp}
          - {id: y, kind: tcp, address: "y.example"}
          - {id: z, kind: icmp, count: 0, host: z.example}
          - {id: d, kind: dns, name: d.example, type: AAA, server: "d:e:f", expect: {rcode: NXDOMIAN, match: exat, min_answers: -1}}
          - {id: e, kind: dns, name: e.example, expect: {answers: [192.0.2.1, 192.0.2.256]}}
`), realKinds(t))
	want := `f.yaml:8:32: a/s/http: method: found "GTE", expected one of GET, HEAD, POST, PUT, OPTIONS; did you mean "GET"?
f.yaml:8:60: a/s/http: expect.status[1]: found "99", expected a code such as 200, a class such as 2xx, or a range such as 200-204
f.yaml:8:73: a/s/http: expect.body: found "ok(": error parsing regexp: missing closing ): ` + "`ok(`" + `, expected a regular expression in RE2 syntax
f.yaml:8:96: a/s/http: max_redirects: found 99, expected 0 to 50
f.yaml:9:33: a/s/tls: starttls: found "smpt", expected one of [ftp imap ldap mysql pop3 postgres smtp xmpp]; did you mean "smtp"?
f.yaml:11:41: a/s/y: address: found "y.example": it is not host:port, expected host:port such as mail.portal.example:25 or [2001:db8::25]:25
f.yaml:12:40: a/s/z: count: found 0, expected 1 to 10 packets
f.yaml:13:55: a/s/d: type: found "AAA", expected a DNS type such as A, AAAA, MX, NS, SOA or TXT; did you mean "AAAA"?
f.yaml:13:68: a/s/d: server: found "d:e:f": it is not host:port, expected a host or host:port such as ns1.portal.example or [2001:db8::53]:53
f.yaml:13:93: a/s/d: expect.rcode: found "NXDOMIAN", expected an rcode such as NOERROR, NXDOMAIN or REFUSED; did you mean "NXDOMAIN"?
f.yaml:13:110: a/s/d: expect.match: found "exat", expected exact, subset, superset or any; did you mean "exact"?
f.yaml:13:129: a/s/d: expect.min_answers: found -1, expected 0 to 1000, and no more than the answers listed when no others are allowed
f.yaml:14:79: a/s/e: expect.answers[1]: found "192.0.2.256", expected the data of a record of type A as in a zone file, such as 192.0.2.1`
	if got := problems.Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// The long example of the README works with the real kinds.
func TestREADMEWithRealKinds(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(b), "## Everything a system can say\n\n```yaml\n")
	text, _, _ = strings.Cut(text, "```")
	if _, problems := inventory.Parse("README.md", []byte(text), realKinds(t)); problems != nil {
		t.Error(problems)
	}
}
