package gammu

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/channels/channeltest"
	"watchpost.example/internal/phonerig"
)

func TestAmounts(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		decimal, text string
		want          float64
		ok            bool
	}{
		{"", "TKG: 85000d, HSD 30/12/2026", 85000, true},
		{"", "TKG:85.000d", 85000, true},
		{"", "TKG: 1.234.567 d", 1234567, true},
		{"", "TKG: 1,234,567d.", 1234567, true},
		{"", "TKG: 12.500.", 12500, true}, // the end of a sentence
		{"", "TKG: 0d", 0, true},
		{"", "TKG: -1.500d", -1500, true},
		{"", "TKG: 85 000 d", 85000, true},
		{"", "TKG: 85\u00a0000d", 85000, true},
		{"", "TKG: 12.50d", 0, false}, // dong and hundredths, or a mistake: not guessed
		{"", "TKG: 1.2345d", 0, false},
		{"", "TKG: ...", 0, false},
		{",", "TKG: 1.234,56", 1234.56, true},
		{",", "TKG: 12,5", 12.5, true},
		{",", "TKG: 1.234", 1234, true},
		{",", "TKG: 1,234.56", 0, false}, // the other way round
		{".", "TKG: 1,234.56", 1234.56, true},
		{".", "TKG: 12.50", 12.5, true},
		{".", "TKG: 1.234.567", 0, false},
		{"", "Ban khong du tien", 0, false},
		{"", "TKG: " + strings.Repeat("9", 400), 0, false},
	} {
		f, err := Credit{Match: `TKG: *(-?[0-9., \x{a0}]+)`, Decimal: row.decimal}.form()
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.read(row.text)
		if (err == nil) != row.ok || got != row.want {
			t.Errorf("%q with decimal %q: %v, %v; want %v, %v", row.text, row.decimal, got, err, row.want, row.ok)
		}
		if err != nil && len(err.Error()) > 400 {
			t.Errorf("an error of %d bytes", len(err.Error()))
		}
	}
	f, err := Credit{Match: `goc (\d+)|chinh (\d+)`}.form()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := f.read("tai khoan chinh 700"); err != nil || got != 700 {
		t.Errorf("the second of two forms: %v, %v", got, err)
	}
}

func TestAskingHours(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("ICT", 7*3600)
	s := Credit{At: []string{"19:30", "07:30"}}
	for in, want := range map[string]string{
		"2026-12-31 06:00": "2026-12-31 07:30", "2026-12-31 07:30": "2026-12-31 19:30", "2026-12-31 20:00": "2027-01-01 07:30",
	} {
		at, err := time.ParseInLocation("2006-01-02 15:04", in, zone)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.next(at).Format("2006-01-02 15:04"); got != want {
			t.Errorf("after %s: %s, want %s", in, got, want)
		}
	}
}

// bySMS is a channel that asks 191 by SMS.
func bySMS(t *testing.T, change func(*Credit)) *channel {
	t.Helper()
	set := Type().New().(*Settings)
	set.Spool = spool(t)
	set.Credit.To, set.Credit.Text, set.Credit.Match, set.Credit.Minimum = "191", "KTTK", `TKG: *([0-9.,]+)`, 20000
	if change != nil {
		change(&set.Credit)
	}
	if p := set.Problems(); len(p) > 0 {
		t.Fatal(p)
	}
	c, err := set.Channel("sms", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	k := c.(*channel)
	k.settle = 0
	return k
}

// questions are the files that ask, in a folder.
func questions(t *testing.T, c *channel, dir string) []string {
	t.Helper()
	names, err := c.list(dir, "OUTZ")
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// answered reads one look of Run, with what was handed on as a reply.
func answered(t *testing.T, c *channel, now time.Time) []alerting.Reply {
	t.Helper()
	replies := make(chan alerting.Reply, 10)
	if err := c.scan(t.Context(), make(chan alerting.Receipt, 10), replies); err != nil {
		t.Fatal(err)
	}
	c.watchCredit(t.Context(), now)
	close(replies)
	var out []alerting.Reply
	for r := range replies {
		out = append(out, r)
	}
	return out
}

// TestCreditBySMS: asked at start, answered by the carrier alone, kept over a
// restart, asked again at the set hour and at the shift's start.
func TestCreditBySMS(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := bySMS(t, nil)
		if h := c.Health(t.Context()); h.Credit == nil || !h.Credit.At.IsZero() || h.Credit.Minimum != 20000 || !strings.Contains(h.Detail, "credit not known") {
			t.Errorf("before: got %+v, %+v", h, h.Credit)
		}
		// Before it was asked, the carrier's words are an advertisement or forged.
		write(t, c, "inbox", "IN20261122_000000_00_191_00.txt", "TKG: 999.999d")
		if got := answered(t, c, time.Now()); len(got) != 1 || got[0].From != "191" {
			t.Errorf("unasked: handed on %+v, want the message", got)
		}
		q := questions(t, c, "outbox")
		if len(q) != 1 || !strings.Contains(q[0], "_191_credit.txt") || q[0] < fileName(channeltest.Page(), "1234", false) {
			t.Fatalf("asked by %q, want one file after every page", q)
		}
		b, _, err := read(filepath.Join(c.dir("outbox"), q[0]), 1000)
		if err != nil || decode(b) != "KTTK" {
			t.Errorf("asked %q, %v", decode(b), err)
		}
		if err := os.Rename(filepath.Join(c.dir("outbox"), q[0]), filepath.Join(c.dir("sent"), q[0])); err != nil {
			t.Fatal(err)
		}
		// An officer's message is his own, even with an amount in it; an
		// advertisement of the carrier's does not end the question.
		write(t, c, "inbox", "IN20261122_000001_00_+84900000001_00.txt", "A 7421 TKG: 1d")
		write(t, c, "inbox", "IN20261122_000002_00_191_00.txt", "Khuyen mai 50%")
		write(t, c, "inbox", "IN20261122_000003_00_191_00.txt", "TKG: 18.500d, HSD 30/12")
		got := answered(t, c, time.Now())
		if len(got) != 2 || got[0].Text != "A 7421 TKG: 1d" || got[1].Text != "Khuyen mai 50%" {
			t.Errorf("handed on %+v, want the officer's and the advertisement", got)
		}
		h := c.Health(t.Context())
		if h.Credit.Amount != 18500 || h.Credit.Currency != "VND" || h.Credit.At.IsZero() || h.Credit.Problem != "" || !h.OK || !strings.Contains(h.Detail, "18500 VND, top it up") {
			t.Errorf("got %+v, %+v", h, h.Credit)
		}

		// A restart knows it and does not ask.
		again := bySMS(t, nil)
		again.set.Spool = c.set.Spool
		if answered(t, again, time.Now()); len(questions(t, again, "outbox")) != 0 || again.credit.show().Amount != 18500 {
			t.Errorf("after a restart: %+v, asks %q", again.credit.show(), questions(t, again, "outbox"))
		}
		// The test page of a shift asks again, when the answer is not of the last hour.
		test := channeltest.Page()
		test.Kind = "test"
		for _, row := range []struct {
			pass time.Duration
			asks int
		}{{time.Minute, 0}, {time.Hour, 1}} {
			<-time.After(row.pass)
			test.ID += "x"
			name := fileName(test, "0900000001", false)
			go func() { // smsd, once
				for !again.has("outbox", name) {
					<-time.After(time.Millisecond)
				}
				if err := os.Rename(filepath.Join(again.dir("outbox"), name), filepath.Join(again.dir("sent"), name)); err != nil {
					t.Error(err)
				}
			}()
			if _, err := again.Send(t.Context(), "0900000001", test); err != nil {
				t.Fatal(err)
			}
			before := len(questions(t, again, "outbox")) + len(questions(t, again, "sent"))
			answered(t, again, time.Now())
			if n := len(questions(t, again, "outbox")) + len(questions(t, again, "sent")) - before; n != row.asks {
				t.Errorf("a test page %v after the answer asked %d times, want %d", row.pass, n, row.asks)
			}
		}
		if again.credit.show().Amount != 18500 {
			t.Error("a question forgot the last answer")
		}
		// The one asked last is not answered: a retry after an hour, then the hours double.
		for _, q := range questions(t, again, "outbox") {
			if err := os.Rename(filepath.Join(again.dir("outbox"), q), filepath.Join(again.dir("sent"), q)); err != nil {
				t.Fatal(err)
			}
		}
		<-time.After(6 * time.Minute)
		answered(t, again, time.Now())
		if p := again.credit.show().Problem; !strings.Contains(p, "no answer within 5m") {
			t.Errorf("problem %q", p)
		}
		if k := again.credit; k.state.Failed != 1 || k.nextAsk(time.Now()).Sub(k.state.Asked) != time.Hour {
			t.Errorf("after one failure asks again after %v", k.nextAsk(time.Now()).Sub(k.state.Asked))
		}
		again.credit.state.Failed = 99
		if k := again.credit; k.nextAsk(time.Now()).Sub(k.state.Asked) != 24*time.Hour {
			t.Errorf("after many failures asks again after %v", k.nextAsk(time.Now()).Sub(k.state.Asked))
		}
	})
}

// TestCreditByUSSD: the answer comes without a sender; an SMS is none.
func TestCreditByUSSD(t *testing.T) {
	t.Parallel()
	c := bySMS(t, func(k *Credit) { k.To, k.Text, k.USSD = "", "", "*101#" })
	answered(t, c, time.Now())
	q := questions(t, c, "outbox")
	if len(q) != 1 || filepath.Ext(q[0]) != ".smsbackup" || len(q[0]) > 99 {
		t.Fatalf("asked by %q", q)
	}
	write(t, c, "inbox", "IN20261122_000001_00_+84900000001_00.txt", "TKG: 1d")
	if got := answered(t, c, time.Now()); len(got) != 1 || !c.credit.show().At.IsZero() {
		t.Errorf("an SMS counts as the answer to a code: %+v, %+v", got, c.credit.show())
	}
	write(t, c, "inbox", "IN20261122_000002_00__00.txt", "TKG: 85.000d")
	if got := answered(t, c, time.Now()); len(got) != 0 || c.credit.show().Amount != 85000 {
		t.Errorf("the answer: handed on %+v, credit %+v", got, c.credit.show())
	}
	// What the network says unasked is nobody's reply when it is empty.
	write(t, c, "inbox", "IN20261122_000003_00__00.txt", "")
	if got := answered(t, c, time.Now()); len(got) != 0 {
		t.Errorf("handed on %+v", got)
	}
}

// TestCreditFails: every way in which a question brings nothing is said, and a
// restart in the middle of one does not ask at once.
func TestCreditFails(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		do   func(t *testing.T, c *channel, q string)
		want string
	}{
		"smsd is dead": {func(*testing.T, *channel, string) {}, "smsd did not send the question"},
		"refused": {func(t *testing.T, c *channel, q string) {
			t.Helper()
			if err := os.Rename(filepath.Join(c.dir("outbox"), q), filepath.Join(c.dir("error"), q)); err != nil {
				t.Fatal(err)
			}
		}, "could not send"},
		"an answer of another form": {func(t *testing.T, c *channel, q string) {
			t.Helper()
			if err := os.Remove(filepath.Join(c.dir("outbox"), q)); err != nil {
				t.Fatal(err)
			}
			write(t, c, "inbox", "IN20261122_000001_00_191_00.txt", "Cu phap sai. Soan HD gui 191")
		}, `does not match credit.match: "Cu phap sai. Soan HD gui 191"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := bySMS(t, nil)
				answered(t, c, time.Now())
				row.do(t, c, questions(t, c, "outbox")[0])
				restarted := bySMS(t, nil)
				restarted.set.Spool = c.set.Spool
				restarted.credit.loaded = true
				restarted.loadCredit()
				if at := restarted.credit.nextAsk(time.Now()); time.Until(at) < time.Hour-time.Second {
					t.Errorf("after a crash in between it asks again in %v", time.Until(at))
				}
				answered(t, c, time.Now())
				<-time.After(6 * time.Minute)
				answered(t, c, time.Now())
				if p := c.credit.show().Problem; !strings.Contains(p, row.want) {
					t.Errorf("problem %q, want %q", p, row.want)
				}
				if left := questions(t, c, "outbox"); len(left) > 0 {
					t.Errorf("the question is left in the outbox: %q", left)
				}
				if h := c.Health(t.Context()); !h.OK || !strings.Contains(h.Detail, row.want) {
					t.Errorf("got %+v: the channel still sends", h)
				}
			})
		})
	}
}

func script(t *testing.T, text string) []string {
	t.Helper()
	p := filepath.Join(t.TempDir(), "credit")
	if err := os.WriteFile(p, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	return []string{p, "x y"}
}

func TestCreditByCommand(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		script  string
		amount  float64
		problem string
	}{
		"tells":               {`[ "$1" = "x y" ] && echo "TKG: 85.000d"`, 85000, ""},
		"tells and hangs":     {`echo "TKG: 85.000d"; sleep 60`, 85000, ""},
		"fails after telling": {`echo "TKG: 85.000d"; exit 3`, 85000, ""},
		"hangs":               {`sleep 60`, 0, "did not end within"},
		"fails":               {`echo no modem; exit 3`, 0, "exit status 3"},
		"says nothing":        {`true`, 0, "does not match"},
		"says too much":       {`yes | head -c 1000000; echo "TKG: 85.000d"`, 0, "does not match"},
		"ignores the end":     {`trap "" TERM; (trap "" TERM; sleep 60) & wait`, 0, "did not end within"},
		"has our environment": {`[ -z "$HOME$GOCACHE$GOROOT" ] && [ "$LC_ALL" = C.UTF-8 ] && echo "TKG: 1d"`, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := bySMS(t, func(k *Credit) {
				k.To, k.Text, k.Command, k.Timeout = "", "", script(t, row.script), 5*time.Second
			})
			if strings.Contains(row.script, "sleep") {
				c.credit.set.Timeout = 300 * time.Millisecond
			}
			begun := time.Now()
			c.watchCredit(t.Context(), begun)
			c.credit.wg.Wait()
			got := c.credit.show()
			if got.Amount != row.amount || !strings.Contains(got.Problem, row.problem) || (row.problem == "") != (got.Problem == "") {
				t.Errorf("got %+v", got)
			}
			if took := time.Since(begun); took > commandGrace+5*time.Second {
				t.Errorf("took %v", took)
			}
			// A text without a sender is no answer to a command.
			if c.creditAnswer("", "TKG: 5d") {
				t.Error("an SMS was taken for the command's answer")
			}
		})
	}
}

func TestCreditSettings(t *testing.T) {
	t.Parallel()
	zero := Type().New().(*Settings)
	if p := zero.Problems(); len(p) > 0 {
		t.Errorf("without credit: %v", p)
	}
	for want, change := range map[string]func(*Credit){
		"credit.ussd":              func(k *Credit) { k.USSD = "*101#" }, // besides to
		"credit.match":             func(k *Credit) { k.Match = "[0-9]+" },
		"credit.text":              func(k *Credit) { k.Text = "" },
		"credit.to":                func(k *Credit) { k.To = "../x" },
		"credit.decimal":           func(k *Credit) { k.Decimal = ";" },
		"credit.currency":          func(k *Credit) { k.Currency = "đồng" },
		"credit.zone":              func(k *Credit) { k.Zone = "Nowhere/X" },
		"credit.at":                func(k *Credit) { k.At = []string{"7h30"} },
		"credit.timeout":           func(k *Credit) { k.Timeout = time.Second },
		"credit.minimum":           func(k *Credit) { k.Minimum = -1 },
		"credit.command":           func(k *Credit) { k.To, k.Command = "", []string{"gammu"} },
		"credit.ussd credit.match": func(k *Credit) { k.To, k.USSD, k.Match = "", "*101#\"\nX = 1", "(" },
	} {
		set := Type().New().(*Settings)
		set.Credit.To, set.Credit.Text, set.Credit.Match = "191", "KTTK", `TKG: ([0-9.,]+)`
		change(&set.Credit)
		var fields []string
		for _, p := range set.Problems() {
			fields = append(fields, p.Field)
		}
		if got := strings.Join(fields, " "); got != want {
			t.Errorf("got problems with %q, want %q", got, want)
		}
	}
}

// TestRealCredit asks through the real gammu-smsd: by USSD, which its dummy
// phone answers, and by SMS.
func TestRealCredit(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		credit Credit
		answer string // of 191; "" = the dummy's own to USSD
		want   float64
	}{
		"ussd": {Credit{USSD: "*101#", Match: `Reply for \*(\d+)#`}, "", 101},
		"sms":  {Credit{To: "191", Text: "KTTK", Match: `TKG: *([0-9.]+)`}, "TKG: 85.000đ", 85000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := phonerig.StartModem(t)
			set := Type().New().(*Settings)
			d := set.Credit
			set.Spool, set.Credit = m.Spool, row.credit
			set.Credit.Currency, set.Credit.At, set.Credit.Zone, set.Credit.Timeout = d.Currency, d.At, d.Zone, d.Timeout
			if p := set.Problems(); len(p) > 0 {
				t.Fatal(p)
			}
			made, err := set.Channel("sms", slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			c := made.(*channel)
			ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
			defer cancel()
			replies, done := make(chan alerting.Reply, 10), make(chan error, 1)
			go func() { done <- c.Run(ctx, make(chan alerting.Receipt, 10), replies) }()
			for tick := time.Tick(50 * time.Millisecond); c.credit.show().At.IsZero() && ctx.Err() == nil; <-tick {
				if row.answer != "" && len(questions(t, c, "sent")) == 1 {
					m.Receive(t, 1, "191", row.answer)
					row.answer = ""
				}
			}
			if k := c.Health(ctx).Credit; k.Amount != row.want || k.Problem != "" {
				t.Errorf("got %+v", k)
			}
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			if len(replies) > 0 {
				t.Errorf("the carrier's answer was handed on as %+v", <-replies)
			}
		})
	}
}
