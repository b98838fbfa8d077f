package probes

import (
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseID(t *testing.T) {
	t.Parallel()
	id, err := ParseID("so-y-te/portal/home_1.v2")
	if err != nil || id.String() != "so-y-te/portal/home_1.v2" {
		t.Fatalf("got %v, %v", id, err)
	}
	for _, bad := range []string{"", "a/b", "a/b/c/d", "A/b/c", "a//c", "a/b/-c", "a/b/c\n", "a/b/" + strings.Repeat("x", 64), "a/../c"} {
		if _, err := ParseID(bad); err == nil {
			t.Errorf("ParseID(%q) was accepted", bad)
		}
	}
}

func TestZeroVerdictIsUnknown(t *testing.T) {
	t.Parallel()
	var o Observation
	if o.Verdict != Unknown {
		t.Fatalf("an Observation that nobody filled reads %v", o.Verdict)
	}
	b, err := json.Marshal([]Verdict{Unknown, Up, Degraded, Down})
	if err != nil || string(b) != `["unknown","up","degraded","down"]` {
		t.Fatalf("got %s, %v", b, err)
	}
	var back []Verdict
	if err := json.Unmarshal(b, &back); err != nil || !slices.Equal(back, []Verdict{Unknown, Up, Degraded, Down}) {
		t.Fatalf("got %v, %v", back, err)
	}
}

func part(v Verdict, r Reason, host byte) Part {
	return Part{Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, host}), 443), Verdict: v, Reason: r, Detail: string(r)}
}

func TestFold(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		parts   []Part
		anyDown bool
		want    Verdict
		reason  Reason
	}{
		{"all up", []Part{part(Up, OK, 1), part(Up, OK, 2)}, false, Up, OK},
		{"one of two down", []Part{part(Up, OK, 1), part(Down, TCPRefused, 2)}, false, Degraded, PartlyDown},
		{"one of two down, all must answer", []Part{part(Up, OK, 1), part(Down, TCPRefused, 2)}, true, Down, TCPRefused},
		{"all down", []Part{part(Down, TCPRefused, 1), part(Down, TCPTimeout, 2)}, false, Down, TCPRefused},
		{"ours beside up", []Part{part(Unknown, OursNoRoute, 1), part(Up, OK, 2)}, false, Up, OK},
		{"ours beside down", []Part{part(Unknown, OursNoRoute, 1), part(Down, TCPRefused, 2)}, false, Down, TCPRefused},
		{"all ours", []Part{part(Unknown, OursNoRoute, 1), part(Unknown, OursNoRoute, 2)}, false, Unknown, OursNoRoute},
		{"degraded beside up", []Part{part(Up, OK, 1), part(Degraded, HTTPSlow, 2)}, false, Degraded, HTTPSlow},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := Observation{Parts: tt.parts}
			o.Fold(tt.anyDown)
			if o.Verdict != tt.want || o.Reason != tt.reason {
				t.Errorf("got %v %q (%s), want %v %q", o.Verdict, o.Reason, o.Detail, tt.want, tt.reason)
			}
		})
	}
}

func TestDurationRefusesBareNumbers(t *testing.T) {
	t.Parallel()
	good := map[string]time.Duration{"5s": 5 * time.Second, "1m30s": 90 * time.Second, "400d": 400 * 24 * time.Hour}
	for s, want := range good {
		var d Duration
		if err := d.UnmarshalText([]byte(s)); err != nil || d.D() != want {
			t.Errorf("%q: got %v, %v", s, d, err)
		}
	}
	for _, s := range []string{"5", "0", "", "d", "-1d", "1.5d", "1d2h", "9999999d", "five"} {
		var d Duration
		if err := d.UnmarshalText([]byte(s)); !errors.Is(err, ErrDuration) {
			t.Errorf("%q: got %v, %v, want ErrDuration", s, d, err)
		}
	}
}

func TestQuoteAndClip(t *testing.T) {
	t.Parallel()
	if got := Quote("a\x1b[31m\u202eb\n", 100); got != `"a\x1b[31m\u202eb\n"` {
		t.Errorf("got %s", got)
	}
	if got := Clip("đđđ", 5); got != "đđ" {
		t.Errorf("got %q", got)
	}
}

func TestAttachKeepsOnce(t *testing.T) {
	t.Parallel()
	var o Observation
	a := o.Attach("text/plain", []byte("x"))
	b := o.Attach("text/plain", []byte("x"))
	if a != b || len(o.Evidence) != 1 || len(a) != 64 {
		t.Fatalf("got %s %s %d", a, b, len(o.Evidence))
	}
	o.Attach("text/plain", make([]byte, MaxEvidence+1))
	if n := len(o.Evidence[1].Bytes); n != MaxEvidence {
		t.Errorf("evidence of %d bytes was kept", n)
	}
}

func TestReasonsAreALabelSafeSet(t *testing.T) {
	t.Parallel()
	l := SharedReasons()
	for i, r := range l {
		if !ValidName(string(r)) || i > 0 && l[i-1] == r {
			t.Errorf("reason %q is not a word of its own", r)
		}
		if r.Ours() != strings.HasPrefix(string(r), "ours_") {
			t.Errorf("Ours() of %q", r)
		}
	}
}

func TestWindow(t *testing.T) {
	t.Parallel()
	hcm, err := time.LoadLocation("Asia/Ho_Chi_Minh")
	if err != nil {
		t.Fatal(err)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := func(loc *time.Location, s string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04", s, loc)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	once := Window{Start: at(hcm, "2026-12-31 23:00"), Duration: 2 * time.Hour}
	daily := Window{Start: at(berlin, "2026-03-01 01:30"), Duration: time.Hour, Repeat: Daily, Until: at(berlin, "2026-11-01 00:00")}
	weekly := Window{Start: at(hcm, "2026-12-26 22:00"), Duration: 3 * time.Hour, Repeat: Weekly}
	long := Window{Start: at(hcm, "2026-01-01 00:00"), Duration: 50 * time.Hour, Repeat: Weekly}
	tests := []struct {
		name string
		w    Window
		t    time.Time
		want bool
	}{
		{"over new year", once, at(hcm, "2027-01-01 00:30"), true},
		{"end is out", once, at(hcm, "2027-01-01 01:00"), false},
		{"before", once, at(hcm, "2026-12-31 22:59"), false},
		{"daily, summer time began", daily, at(berlin, "2026-03-30 01:45"), true},
		{"daily, in winter hour it is out", daily, at(berlin, "2026-03-30 00:45"), false},
		{"daily, hour of real time over the gap", daily, time.Date(2026, 3, 29, 1, 15, 0, 0, time.UTC), true},
		{"daily, before the first", daily, at(berlin, "2026-02-28 01:45"), false},
		{"daily, after until", daily, at(berlin, "2026-11-02 01:45"), false},
		{"weekly over midnight and year end", weekly, at(hcm, "2027-01-03 00:30"), true},
		{"weekly, another day", weekly, at(hcm, "2027-01-04 00:30"), false},
		{"weekly, longer than a day", long, at(hcm, "2026-01-10 01:59"), true},
		{"weekly, other zone asks", weekly, at(hcm, "2027-01-02 22:30").UTC(), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.w.Contains(tt.t); got != tt.want {
				t.Errorf("Contains(%v) = %v", tt.t, got)
			}
		})
	}
}

func TestEntryStale(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	e := Entry{Check: &Check{Interval: 30 * time.Second, Timeout: 10 * time.Second}}
	if !e.Stale(now) {
		t.Error("never looked must be stale")
	}
	e.Observation.At = now.Add(-70 * time.Second)
	if e.Stale(now) {
		t.Error("70 s old is within two intervals and the timeout")
	}
	e.Observation.At = now.Add(-71 * time.Second)
	if !e.Stale(now) {
		t.Error("71 s old must be stale")
	}
}

// A server that is gone must not hide that the others' certificate ends.
func TestFoldKeepsTheCertificate(t *testing.T) {
	gone, later, soon := Part{Verdict: Down, Reason: TCPRefused}, Part{Verdict: Up}, Part{Verdict: Up}
	later.Facts.Set(FactTLSEarliestExpiry, 2000)
	soon.Facts.Set(FactTLSEarliestExpiry, 1000)
	soon.Facts.Set(FactTLSLeafLifetimeFraction, 0.1)
	o := Observation{Parts: []Part{gone, later, soon}}
	o.Fold(false)
	if v, ok := o.Facts.Get(FactTLSEarliestExpiry); !ok || v != 1000 {
		t.Errorf("the earliest end is %v (%v), want 1000", v, ok)
	}
	if v, ok := o.Facts.Get(FactTLSLeafLifetimeFraction); !ok || v != 0.1 {
		t.Errorf("the share left is %v (%v), want that of the same certificate", v, ok)
	}
	if _, ok := gone.Facts.Get(FactTLSEarliestExpiry); ok {
		t.Error("the part itself was changed")
	}
}
