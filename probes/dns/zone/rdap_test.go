package zone_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openrdap/rdap"

	"watchpost.example/probes/dns/dnslab"
	"watchpost.example/probes/dns/zone"
)

const rdapAnswer = `{"objectClassName":"domain","ldhName":"so-y-te.example","status":["client transfer prohibited","active"],
"events":[{"eventAction":"registration","eventDate":"2020-01-01T00:00:00Z"},{"eventAction":"expiration","eventDate":"2027-09-02T00:00:00Z"}]}`

func TestReadRDAP(t *testing.T) {
	got, err := rdap.NewDecoder([]byte(rdapAnswer)).Decode()
	if err != nil {
		t.Fatal(err)
	}
	r := zone.ReadRDAP("so-y-te.example", got.(*rdap.Domain), time.Now())
	if !r.Expires.Equal(time.Date(2027, 9, 2, 0, 0, 0, 0, time.UTC)) || len(r.Status) != 2 || r.Source != "rdap" {
		t.Errorf("%+v", r)
	}
}

// Answers that vary are learned as such: a rotating name, and one that each
// server (as GeoDNS does for each region) answers with another address.
func TestVaryingAnswersAreNoFinding(t *testing.T) {
	keys := healthyKeys()
	for name, pick := range map[string]func(n int, server string) int{
		"rotating": func(n int, _ string) int { return n % 4 },
		"by place": func(_ int, server string) int { return int(server[len(server)-1] - '1') },
	} {
		for _, signed := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := world(keys)
				w.Unit().Unsigned = !signed
				w.Build()
				d := w.Data[unit]
				var n atomic.Int64
				for _, addr := range []string{ns1, ns2} {
					w.Server(addr).Faults = []dnslab.Fault{func(x *dnslab.Exchange) {
						if x.Name != www || x.Type != 1 || len(x.Reply.Answer) == 0 {
							return
						}
						rr := dnslab.RR(www + " 60 IN A 127.99.2." + string(rune('1'+pick(int(n.Add(1)), addr))))
						x.Reply.Answer = x.Reply.Answer[:0:0]
						x.Reply.Answer = append(x.Reply.Answer, rr)
						if o := x.Query.IsEdns0(); signed && o != nil && o.Do() {
							x.Reply.Answer = append(x.Reply.Answer, d.SignSet(x.Reply.Answer, w.Life(-time.Hour, 30*day))...)
						}
					}}
				}
				w.Start(t)
				o := env(t, w).Check(t.Context(), plan(nil))
				if fs := o.Judgement.Findings; len(fs) > 0 {
					t.Errorf("without a baseline:\n%s", lines(fs))
				}
				b := learn(t, w)
				if r, _ := b.Find(www, "A"); r.Policy != "subset" || len(r.Values) < 2 {
					t.Errorf("learned %+v", r)
				}
				for range 3 {
					if fs := env(t, w).Check(t.Context(), plan(b)).Judgement.Findings; len(fs) > 0 {
						t.Errorf("with the baseline:\n%s", lines(fs))
					}
				}
				if strings.Contains(name, "rotating") {
					if r, _ := b.Find(www, "A"); len(r.Values) != 4 {
						t.Errorf("learned %q of four", r.Values)
					}
				}
			})
		}
	}
}
