package roster

import (
	"slices"
	"strings"
	"testing"
	"time"

	"watchpost.example/alerting"
)

var hcm = time.FixedZone("ICT", 7*3600)

func at(s string) time.Time {
	t, err := Moment(s, hcm)
	if err != nil {
		panic(err)
	}
	return t
}

func person(id string) alerting.Person {
	return alerting.Person{ID: id, Name: strings.ToUpper(id), Addresses: map[string][]string{"sms": {"+84900000001"}, "voice": {"+84900000001"}}}
}

func sample(shifts ...alerting.Shift) *Roster {
	return New(Roster{Zone: hcm, People: []alerting.Person{person("an"), person("binh"), person("chi"), person("hot")}, Hotline: "hot", Shifts: shifts})
}

func shift(start, end string, who ...string) alerting.Shift {
	return alerting.Shift{Start: at(start), End: at(end), Officers: who, Deputy: "chi"}
}

func TestWhoIsOnDuty(t *testing.T) {
	r := sample(shift("2026-12-31 20:00", "2027-01-01 08:00", "an", "binh"), shift("2027-01-01 07:30", "2027-01-01 20:00", "binh", "an"))
	for when, want := range map[string][]string{
		"2026-12-31 19:59": nil,
		"2026-12-31 20:00": {"an", "binh"},
		"2027-01-01 00:00": {"an", "binh"},
		"2027-01-01 07:45": {"binh", "an"}, // the incoming pair counts
		"2027-01-01 20:00": nil,
	} {
		if got := r.At(at(when)).Officers; !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
	}
	if got := r.OnDuty(at("2027-01-01 00:00")); len(got) != 3 || got[2].ID != "chi" {
		t.Errorf("OnDuty: %v", got)
	}
	if got := r.OnDuty(at("2027-01-02 00:00")); got != nil {
		t.Errorf("nobody: %v", got)
	}
}

func TestOverridesLaterWins(t *testing.T) {
	r := sample(shift("2026-08-29 08:00", "2026-08-29 20:00", "an", "binh"))
	day := func(a, b string) (time.Time, time.Time) { return at("2026-08-29 " + a), at("2026-08-29 " + b) }
	add := func(a, b, replace, with string) {
		from, to := day(a, b)
		r.Overrides = append(r.Overrides, Override{From: from, To: to, Replace: replace, With: with, Reason: "x"})
	}
	add("10:00", "14:00", "an", "chi")
	add("12:00", "13:00", "an", "hot") // later in the file
	add("13:30", "13:45", "chi", "binh")
	for when, want := range map[string][]string{
		"09:00": {"an", "binh"}, "10:00": {"chi", "binh"}, "12:30": {"hot", "binh"}, "13:00": {"chi", "binh"}, "14:00": {"an", "binh"},
		"13:40": {"binh"}, // replaced by one who is there already: one is left
	} {
		if got := r.At(at("2026-08-29 " + when)).Officers; !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
	}
}

func TestCheck(t *testing.T) {
	long := sample(shift("2026-08-28 17:00", "2026-08-29 07:30", "an", "binh"), shift("2026-08-29 07:30", "2026-08-29 18:00", "an", "hot"))
	broken := sample(shift("2026-08-29 00:00", "2026-08-30 00:00", "an", "binh"))
	broken.People[0].Addresses = map[string][]string{"sms": {"12"}}
	noHotline := sample(shift("2026-08-29 00:00", "2026-08-30 00:00", "an", "binh"))
	noHotline.Hotline = ""
	for name, tt := range map[string]struct {
		r    *Roster
		want []string
	}{
		"good":    {sample(shift("2026-08-29 00:00", "2026-08-29 12:00", "an", "binh"), shift("2026-08-29 12:00", "2026-08-30 00:00", "hot", "binh")), nil},
		"gap":     {sample(shift("2026-08-29 01:00", "2026-08-30 00:00", "an", "binh")), []string{"gap"}},
		"alone":   {sample(shift("2026-08-29 00:00", "2026-08-30 00:00", "an")), []string{"alone"}},
		"overlap": {sample(shift("2026-08-29 00:00", "2026-08-29 13:00", "an", "binh"), shift("2026-08-29 12:00", "2026-08-30 00:00", "hot", "an")), []string{"overlap"}},
		"long":    {long, []string{"gap", "gap", "long"}},
		"number":  {broken, []string{"number", "channel"}},
		"hotline": {noHotline, []string{"hotline"}},
		"twice":   {sample(shift("2026-08-29 00:00", "2026-08-30 00:00", "an", "chi")), []string{"twice"}},
	} {
		t.Run(name, func(t *testing.T) {
			from, to := at("2026-08-29 00:00"), at("2026-08-30 00:00")
			if name == "long" {
				from, to = at("2026-08-28 16:00"), at("2026-08-29 19:00")
			}
			var got []string
			for _, p := range Check(tt.r, from, to) {
				got = append(got, p.Kind)
				if p.Text == "" {
					t.Error("a problem without words")
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestPhone(t *testing.T) {
	for in, want := range map[string]string{
		"0900 000 001": "+84900000001", "+84 900.000.001": "+84900000001", "0084900000001": "+84900000001", "84900000001": "+84900000001",
		"(024) 3000-0001": "+842430000001", "19001000": "19001000", "+41440000000": "+41440000000",
		"0900 000 01": "", "113": "", "": "", "0100000001": "", "09000000012": "", "0900 000 00a": "", "+": "", "+0900000001": "",
	} {
		got, err := Phone(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("Phone(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestMomentsOverSummerTime(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Moment("2027-03-28 02:30", berlin); err == nil {
		t.Error("a time that the clocks skip was taken")
	}
	got, err := Moment("2026-10-25 02:30", berlin)
	if err != nil || got.UTC().Hour() != 0 {
		t.Errorf("of a time that comes twice the first is meant: %v, %v", got.UTC(), err)
	}
	for _, s := range []string{"2026-08-28 17:00", "28/8/2026 17:00", "28/08/2026 17:00", "28/8/2026 17h00", "17h00 28/8/2026", "2026-08-28T17:00:00+07:00"} {
		if got, err := Moment(s, hcm); err != nil || !got.Equal(at("2026-08-28 17:00")) {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "tomorrow", "2026-02-30 10:00", "2026-08-28", "25:00 28/8/2026"} {
		if got, err := Moment(s, hcm); err == nil {
			t.Errorf("%q was taken as %v", s, got)
		}
	}
}
