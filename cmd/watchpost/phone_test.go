package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"watchpost.example/alerting/engine"
	oncalljournal "watchpost.example/alerting/oncall/journal"
	"watchpost.example/internal/phonerig"
	"watchpost.example/internal/testneed"
	"watchpost.example/probes"
)

// today is a roster whose shift began two hours ago (no shift test is due) and
// that has no gap for a day and a half.
func today(ladder string) string {
	const form = "2006-01-02 15:04"
	now := time.Now().In(localZone())
	return fmt.Sprintf(`timezone: Asia/Ho_Chi_Minh
people:
  - {id: an, name: Nguyễn Văn An, addresses: {sms: ["0900 000 001"], voice: ["0900 000 001"]}}
  - {id: binh, name: Trần Thị Bình, addresses: {sms: ["0900 000 002"], voice: ["0900 000 002"]}}
shifts:
  - {start: %s, end: %s, officers: [an, binh]}
  - {start: %[2]s, end: %[3]s, officers: [binh, an]}
ladder:
%[4]s`, now.Add(-2*time.Hour).Format(form), now.Add(10*time.Hour).Format(form), now.Add(36*time.Hour).Format(form), ladder)
}

// The ladder of the issue with its first minutes made seconds: SMS at once, the
// first officer's phone next. The dummy modem gives no receipts.
const shortLadder = `  policies:
    - name: critical
      severity: [critical]
      again: 20m
      steps:
        - {after: 0s, to: [officers], by: [sms]}
        - {after: 2s, to: [first], by: [voice]}
        - {after: 10m, to: [second], by: [voice]}
  channels:
    sms: {receipt: 0s, limits: [{at_most: 100, per: 1m}]}
`

// TestPhone is the promise from end to end: a server dies, an officer's phone
// gets an SMS and rings, key 1 takes it, all faces say so, and the recovery is
// told. Nothing in it is ours but the program: gammu-smsd sends, sipp answers.
func TestPhone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	storage := filepath.Join(dir, "data")
	testneed.Program(t, "espeak-ng")
	modem := phonerig.StartModem(t)
	sip := phonerig.StartSipp(t, "127.0.78.1", phonerig.Takes(1500*time.Millisecond), 0)
	server, other := newTarget(t, "127.0.78.2"), newTarget(t, "127.0.78.2")
	write(t, dir, "roster.yaml", today(shortLadder))
	write(t, dir, "channels.yaml", fmt.Sprintf("channels:\n  - {name: sms, type: gammu, spool: %s, config: %s}\n  - {name: voice, type: voice, server: %q, caller_id: \"1000\"}\n", modem.Spool, modem.Config, sip.Addr))
	users(t, dir)
	write(t, dir, "inventory/units.yaml", fmt.Sprintf(`units:
  - id: so-y-te
    name: Sở Y tế
    contacts: [{name: Trực ban, phone: 0900 000 005}]
    systems:
      - {id: cong, name: Cổng thông tin, level: 3, url: "http://%s/"}
      - {id: tra-cuu, name: Tra cứu, url: "http://%s/"}
`, server.addr, other.addr))
	config := write(t, dir, "watchpost.yaml", "defaults: {interval: 1s, confirm: {down: 3, up: 2, recheck: 1s}}\noncall: {roster: roster.yaml, channels: channels.yaml, users: users.yaml}\n")
	quick := quickRecovery(t)
	h := startTuned(t, config, storage, func(o *engine.Options) { o.EvaluationInterval, o.Rules = time.Second, quick })
	s := &story{h: h, spool: modem.Spool, storage: storage, sip: sip}
	t.Cleanup(func() { s.tell(t) })
	const check = "so-y-te/cong/http"
	eventually(t, 10*time.Second, "both systems are up", func() bool {
		return h.state(check).Verdict == probes.Up && h.state("so-y-te/tra-cuu/http").Verdict == probes.Up
	})

	s.fault = time.Now()
	server.die()
	s.step(t, 10*time.Second, "confirmed down", func() bool { return h.state(check).Verdict == probes.Down })
	s.step(t, 5*time.Second, "the rule fires", func() bool {
		rows, err := h.query(t, `ALERTS{alertname="SystemDown",alertstate="firing",unit="so-y-te",system="cong"}`)
		return err == nil && len(rows) == 1
	})
	s.step(t, 15*time.Second, "on-call has an incident", func() bool { return len(s.incidents(t)) == 1 })
	s.step(t, 20*time.Second, "an SMS to each officer was sent by gammu-smsd", func() bool { return s.sent(t, "+84900000001") == 1 && s.sent(t, "+84900000002") == 1 })
	s.step(t, 15*time.Second, "the phone rings", func() bool { return len(sip.Rings(t)) == 1 })
	t.Logf("ringing: the INVITE came %v after the fault", sip.Rings(t)[0].Sub(s.fault).Round(10*time.Millisecond))
	s.step(t, 20*time.Second, "key 1 takes it", func() bool {
		in := s.incidents(t)
		return len(in) == 1 && in[0].Status == "acknowledged" && len(in[0].Acks) == 1 && in[0].Acks[0].Who == "an" && in[0].Acks[0].How == "voice"
	})
	s.step(t, 10*time.Second, "the wall says who", func() bool {
		return strings.Contains(h.get(t, "/api/status"), `"acknowledged_by": "Nguyễn Văn An"`) && strings.Contains(h.get(t, "/"), "đã tiếp nhận: </span>Nguyễn Văn An")
	})
	s.step(t, 15*time.Second, "the call has ended with our BYE", func() bool { return sip.Byes() == 1 })

	server.up(t)
	s.back = time.Now()
	s.step(t, 10*time.Second, "up again", func() bool { return h.state(check).Verdict == probes.Up })
	s.step(t, 40*time.Second, "the incident has ended", func() bool { return len(s.incidents(t)) == 1 && s.incidents(t)[0].Status == "resolved" })
	s.step(t, 20*time.Second, "who took it is told of the recovery by SMS", func() bool { return s.sent(t, "+84900000001") == 2 })
	if n := len(sip.Rings(t)); n != 1 {
		t.Errorf("the phone rang %d times", n)
	}
	h.stop()
	s.verify(t)
}

// story is one fault from its beginning to its end.
type story struct {
	h              *house
	sip            *phonerig.Sipp
	spool, storage string
	fault, back    time.Time
}

// step waits for a stage and tells when it came.
func (s *story) step(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	eventually(t, limit, what, ok)
	from, since := s.fault, "fault"
	if !s.back.IsZero() {
		from, since = s.back, "return"
	}
	t.Logf("%s: %v after the %s", what, time.Since(from).Round(10*time.Millisecond), since)
}

type incidentView struct {
	ID, Code, Status string
	Acks             []struct{ Who, How string }
}

func (s *story) incidents(t *testing.T) []incidentView {
	t.Helper()
	status, body := s.h.request(t, "GET", "/api/oncall/incidents", "", "Authorization", "Basic "+basic("chi"))
	var out []incidentView
	if err := json.Unmarshal([]byte(body), &out); err != nil || status != 200 {
		t.Fatalf("%d %v: %s", status, err, body)
	}
	return out
}

// sent counts the SMS to a number that gammu-smsd has sent.
func (s *story) sent(t *testing.T, number string) int {
	t.Helper()
	files, err := os.ReadDir(filepath.Join(s.spool, "sent"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range files {
		if strings.Contains(f.Name(), "_"+number+"_") {
			n++
		}
	}
	return n
}

// verify reads the journal when the program has ended: whole, and with every
// stage in its order.
func (s *story) verify(t *testing.T) {
	t.Helper()
	code, out, errOut := run(t, "journal", "verify", filepath.Join(s.storage, "oncall", "journal"))
	if code != 0 || !strings.Contains(out, "are whole") {
		t.Errorf("journal verify: %d %s%s", code, out, errOut)
	}
	all := entries(t, s.storage)
	at := -1
	for _, want := range []oncalljournal.Entry{
		{Kind: oncalljournal.Alert},
		{Kind: oncalljournal.Incident, What: "opened"},
		{Kind: oncalljournal.Attempt, Who: "an", How: "sms", Status: "accepted"},
		{Kind: oncalljournal.Starting, Who: "an", How: "voice"},
		{Kind: oncalljournal.Incident, What: "ack", Who: "an", How: "voice"},
		{Kind: oncalljournal.Incident, What: "recovered"},
		{Kind: oncalljournal.Attempt, Who: "an", How: "sms", Status: "accepted"},
	} {
		i := slices.IndexFunc(all[at+1:], func(e oncalljournal.Entry) bool {
			return e.Kind == want.Kind && (want.What == "" || e.What == want.What) && (want.Who == "" || e.Who == want.Who) &&
				(want.How == "" || e.How == want.How) && (want.Status == "" || e.Status == want.Status)
		})
		if i < 0 {
			t.Errorf("the journal has no %+v after line %d", want, at+1)
			continue
		}
		at += 1 + i
	}
	if !slices.ContainsFunc(all, func(e oncalljournal.Entry) bool { return e.How == "voice" && e.Digits == "1" }) {
		t.Error("the journal does not have the key that was pressed")
	}
}

// tell helps to find out why a run failed.
func (s *story) tell(t *testing.T) {
	t.Helper()
	if !t.Failed() {
		return
	}
	for _, e := range entries(t, s.storage) {
		t.Logf("%+v", e)
	}
	t.Logf("log:\n%s\nconsole:\n%s", s.h.log, s.h.console)
}
