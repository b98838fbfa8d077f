package oncall

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/oncall/incident"
	"watchpost.example/alerting/oncall/roster"
	"watchpost.example/alerting/oncall/ticket"
	"watchpost.example/internal/chromium"
)

// names is a Directory with long names, as real ones are.
type nameBook struct{}

func (nameBook) Unit(id string) (name, contact string) {
	return "Sở Nông nghiệp và Môi trường " + strings.ToUpper(id), "Hoàng Em 0900 000 005"
}

func (nameBook) System(_, system string) (name string, level int) {
	return "Hệ thống thông tin giải quyết thủ tục hành chính " + system, 3
}

// busy is a desktop in the middle of a night: an open incident, one that was
// taken, a storm, a past one, a test and a drill.
func busy(t *testing.T) *desktop {
	t.Helper()
	d := newDesktop(t, func(o *Options) {
		ro := *testRoster(time.Now())
		ro.Shifts = append(slices.Clone(ro.Shifts), alerting.Shift{Start: ro.Shifts[0].End.Add(6 * time.Hour), End: ro.Shifts[0].End.Add(18 * time.Hour), Officers: []string{"binh"}})
		ro.Overrides = []roster.Override{{From: time.Now().Add(-time.Hour), To: time.Now().Add(2 * time.Hour), Replace: "binh", With: "chi", Reason: "ốm đột xuất"}}
		o.Roster, o.Directory, o.GapAhead = roster.New(ro), nameBook{}, 72*time.Hour
		o.CheckURL = func(u, s, _ string) string { return "/s/" + u + "/" + s }
	})
	ctx, now := t.Context(), time.Now()
	take := func(g incident.Group) string {
		if err := d.webhook(ctx, g); err != nil {
			t.Fatal(err)
		}
		return d.View().Incidents[0].ID
	}
	over := group("over", "critical", now.Add(-3*time.Hour), "c/web")
	take(over)
	take(ended(over, now.Add(-2*time.Hour)))
	taken := group("taken", "warning", now.Add(-40*time.Minute), "b/mail")
	taken.Alerts[0].Summary = "chung thu so het han sau 6 ngay"
	taken.Alerts[0].Description = "Chứng thư số của mail.so-b.example hết hạn ngày 30/11/2026, còn 6 ngày. Báo đơn vị gia hạn trong ngày làm việc."
	id := take(taken)
	if err := d.Acknowledge(ctx, id, "an", "voice"); err != nil {
		t.Fatal(err)
	}
	if err := d.Note(ctx, id, "an", "Đã gọi đầu mối, họ đang khởi động lại máy chủ https://a-very-long-host-name-without-any-break.so-b.example/admin/restart?x=1"); err != nil {
		t.Fatal(err)
	}
	open := group("open", "critical", now.Add(-7*time.Minute), "a/web", "a/dns")
	open.Alerts[0].Description = "Cổng không truy cập được từ cả hai điểm đo: 203.0.113.7 không trả lời (tcp_timeout)."
	open.Alerts[0].RunbookURL = "/runbooks/CheckDown"
	open.Alerts[1].Ended = now.Add(-time.Minute)
	take(open)
	if _, err := d.Test(ctx, "binh", "root"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Drill(ctx, "root"); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *desktop) byKey(key string) incident.Incident {
	d.t.Helper()
	for _, in := range d.View().Incidents {
		if _, ok := in.Group(key); ok {
			return in
		}
	}
	d.t.Fatalf("no incident of %q", key)
	return incident.Incident{}
}

// flaws is what a finger, an eye or a screen reader would stumble over on the
// page that is open: wider than the window, small targets, faint text, fields
// without a name, headings that jump.
const flaws = `
const out = [], seen = e => e.getClientRects().length > 0 && getComputedStyle(e).visibility !== "hidden";
const name = e => e.tagName.toLowerCase() + " " + (e.getAttribute("href") || e.textContent).trim().slice(0, 30);
if (document.documentElement.scrollWidth > innerWidth) out.push("wider than the window: " + document.documentElement.scrollWidth + " px");
for (const e of document.querySelectorAll("button, select, input:not([type=hidden]):not([type=checkbox]), summary, .button")) {
  const r = e.getBoundingClientRect();
  if (seen(e) && (r.height < 42 || r.width < 42)) out.push("small target " + Math.round(r.width) + "x" + Math.round(r.height) + ": " + name(e));
}
for (const e of document.querySelectorAll("input:not([type=hidden]), select, textarea"))
  if (seen(e) && !e.labels.length && !e.ariaLabel) out.push("field without a name: " + e.name);
const rgb = s => { const m = s.match(/[\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
const lum = c => { const f = c.slice(0, 3).map(v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * f[0] + 0.7152 * f[1] + 0.0722 * f[2]; };
const back = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] > 0) return c; } return [255, 255, 255]; };
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
  const e = walk.currentNode.parentElement;
  if (!walk.currentNode.textContent.trim() || !seen(e)) continue;
  const a = lum(rgb(getComputedStyle(e).color)), b = lum(back(e)), ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) out.push("faint " + ratio.toFixed(1) + ": " + name(e));
}
let last = 0;
for (const h of document.querySelectorAll("h1, h2, h3")) { const n = +h.tagName[1]; if (n > last + 1) out.push("heading jumps to " + h.tagName); last = n; }
if (document.querySelectorAll("h1").length !== 1) out.push("not one h1");
if (!document.querySelector("main") || !document.documentElement.lang || !document.title) out.push("no main, language or title");
if (document.querySelectorAll("script").length) out.push("a script");
return out;`

// Every page on a telephone and on a desk, light and dark, in both languages.
func TestPagesInChromium(t *testing.T) {
	d := busy(t)
	br := chromium.Open(t)
	signIn(br, d, "root")
	link := "/ack/" + d.tickets.Sign(ticket.Ticket{Incident: d.byKey("open").ID, Person: "an", Page: "p", Expires: time.Now().Add(time.Hour)})
	pages := map[string]string{
		"list": "/oncall/", "open": "/oncall/incident/" + d.byKey("open").ID, "taken": "/oncall/incident/" + d.byKey("taken").ID,
		"over": "/oncall/incident/" + d.byKey("over").ID, "ack": link, "duty": "/duty", "tools": "/oncall/tools",
		"forged": "/ack/AAAA", "missing": "/oncall/incident/nope", "login": "/oncall/login",
	}
	for _, lang := range []string{"vi", "en"} {
		for _, face := range []struct {
			name string
			w, h int
			dark bool
		}{{"phone", 390, 844, false}, {"phone-dark", 390, 844, true}, {"desk", 1280, 900, false}} {
			br.Size(face.w, face.h)
			br.Dark(face.dark)
			for name, path := range pages {
				br.Open(d.url + path + "?lang=" + lang)
				br.Shot(fmt.Sprintf("%s-%s-%s", name, face.name, lang))
				var bad []string
				br.Run(flaws, &bad)
				for _, b := range bad {
					t.Errorf("%s, %s, %s: %s", name, face.name, lang, b)
				}
			}
		}
	}
	for _, c := range br.Complaints() {
		if !strings.Contains(c, "404") && !strings.Contains(c, "401") {
			t.Error(c)
		}
	}
}

func signIn(br *chromium.Browser, d *desktop, user string) {
	br.Size(390, 844)
	br.Open(d.url + "/oncall/login")
	br.Element("input[name=name]").Type(user)
	br.Element("input[name=password]").Type(password)
	br.Element("button.go").Click()
}

// An officer with a telephone and without JavaScript takes an incident by the
// link, and another by signing in.
func TestAcknowledgeWithoutScripts(t *testing.T) {
	d := newDesktop(t, nil)
	br := chromium.Open(t)
	br.NoScripts(true)
	br.Size(390, 844)
	d.hook(string(hook(1)))
	waitFor(t, func() bool { return len(d.sms.all()) == 2 })
	u, err := url.Parse(d.sms.all()[0].page.AckURL)
	if err != nil {
		t.Fatal(err)
	}
	br.Open(d.url + u.Path)
	br.Element("button.go").Click()
	waitFor(t, func() bool { return d.live().Status == incident.Acknowledged })
	br.Shot("ack-done-phone-vi")
	br.Element(".good") // says that it worked

	if err := d.CloseIncident(t.Context(), d.live().ID, "an", "xong"); err != nil {
		t.Fatal(err)
	}
	d.hook(string(hook(2)))
	br.Open(d.url + "/oncall/login")
	br.Element("input[name=name]").Type("an")
	br.Element("input[name=password]").Type("a wrong password")
	br.Element("button.go").Click()
	br.Element("[role=alert]")
	br.Shot("login-wrong-phone-vi")
	br.Element("input[name=password]").Type(password) // the name is still there
	br.Element("button.go").Click()
	br.Element("article.open button.go").Click()
	waitFor(t, func() bool { return d.live().Status == incident.Acknowledged })
	if got := d.live().Acks[0]; got.Who != "an" || got.How != "web" {
		t.Errorf("%+v", got)
	}
}
