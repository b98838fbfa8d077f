package oncall

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/oncall/incident"
	"watchpost.example/alerting/oncall/journal"
	"watchpost.example/alerting/oncall/ladder"
	"watchpost.example/alerting/oncall/outbox"
	"watchpost.example/alerting/oncall/roster"
	"watchpost.example/alerting/oncall/store"
)

// memory is a Store in memory; err, when set, refuses every commit, and block,
// when set, holds every commit until it is closed.
type memory struct {
	mu         sync.Mutex
	err        error
	block      chan struct{}
	incidents  map[string]incident.Incident
	deliveries map[string]outbox.Delivery
	lines      map[int64]store.Line
	values     map[string]string
	commits    int
}

func newMemory() *memory {
	return &memory{incidents: map[string]incident.Incident{}, deliveries: map[string]outbox.Delivery{}, lines: map[int64]store.Line{}, values: map[string]string{}}
}

func (m *memory) refuse(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

func (m *memory) Commit(_ context.Context, b store.Batch) error {
	m.mu.Lock()
	block := m.block
	m.mu.Unlock()
	if block != nil {
		<-block
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	m.commits++
	for _, in := range b.Incidents {
		m.incidents[in.ID] = in
	}
	for _, d := range b.Deliveries {
		m.deliveries[d.ID] = d
	}
	for _, l := range b.Lines {
		m.lines[l.Seq] = l
	}
	maps.DeleteFunc(m.lines, func(seq int64, _ store.Line) bool { return seq <= b.Flushed })
	for _, v := range b.Values {
		m.values[v.Name] = v.Text
	}
	return nil
}

func (m *memory) Load(context.Context, time.Time, time.Time) (store.State, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return store.State{
		Incidents: slices.Collect(maps.Values(m.incidents)), Deliveries: slices.Collect(maps.Values(m.deliveries)),
		Lines:  slices.SortedFunc(maps.Values(m.lines), func(a, b store.Line) int { return int(a.Seq - b.Seq) }),
		Values: maps.Clone(m.values),
	}, nil
}

func (m *memory) Incidents(context.Context, time.Time, int) ([]incident.Incident, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Values(m.incidents)), nil
}

func (m *memory) Incident(_ context.Context, id string) (incident.Incident, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	in, ok := m.incidents[id]
	return in, ok, nil
}

func (m *memory) Deliveries(context.Context, string) ([]outbox.Delivery, error) { return nil, nil }
func (m *memory) Prune(context.Context, time.Time, int) (int, error)            { return 0, nil }
func (m *memory) Close() error                                                  { return nil }

// phone is a fake channel. answer decides what a Send gives; nil = accepted.
type phone struct {
	name   string
	answer func(ctx context.Context, address string, p alerting.Page) (alerting.Receipt, error)

	mu       sync.Mutex
	got      []sent
	receipts chan alerting.Receipt
	replies  chan alerting.Reply
}

type sent struct {
	at      time.Time
	channel string
	address string
	page    alerting.Page
}

func newPhone(name string) *phone {
	return &phone{name: name, receipts: make(chan alerting.Receipt), replies: make(chan alerting.Reply)}
}

func (p *phone) Name() string { return p.name }

func (p *phone) Send(ctx context.Context, address string, page alerting.Page) (alerting.Receipt, error) {
	p.mu.Lock()
	p.got = append(p.got, sent{time.Now(), p.name, address, page})
	answer := p.answer
	p.mu.Unlock()
	if answer != nil {
		return answer(ctx, address, page)
	}
	return alerting.Receipt{Page: page.ID, Status: alerting.Accepted, At: time.Now()}, nil
}

func (p *phone) Run(ctx context.Context, receipts chan<- alerting.Receipt, replies chan<- alerting.Reply) error {
	for {
		select {
		case r := <-p.receipts:
			receipts <- r
		case r := <-p.replies:
			replies <- r
		case <-ctx.Done():
			return nil
		}
	}
}

func (p *phone) Health(context.Context) alerting.Health {
	return alerting.Health{OK: true, Values: map[string]float64{"signal_ratio": 0.7}}
}

func (p *phone) all() []sent {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.got)
}

func (p *phone) answering(f func(ctx context.Context, address string, p alerting.Page) (alerting.Receipt, error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = f
}

// rig is a Service on fakes with the pair an and binh, deputy chi and a hotline
// on duty for a day from the start, inside a synctest bubble.
type rig struct {
	*Service
	t                *testing.T
	mem              *memory
	sms, voice, ntfy *phone
	start            time.Time
	opt              Options
	end              context.CancelFunc
	ended            chan error
}

var addresses = map[string]string{"an": "01", "binh": "02", "chi": "03", "hotline": "04"}

func people() []alerting.Person {
	var out []alerting.Person
	for _, id := range []string{"an", "binh", "chi", "hotline"} {
		out = append(out, alerting.Person{ID: id, Name: strings.ToUpper(id[:1]) + id[1:], Language: "vi", Addresses: map[string][]string{
			"sms": {"+849000000" + addresses[id]}, "voice": {"+849000000" + addresses[id]},
		}})
	}
	out[0].Addresses["ntfy"] = []string{"duty-an"}
	return out
}

func who(address string) string {
	for id, end := range addresses {
		if strings.HasSuffix(address, end) {
			return id
		}
	}
	return strings.TrimPrefix(address, "duty-")
}

func testRoster(start time.Time) *roster.Roster {
	return roster.New(roster.Roster{
		Zone: time.FixedZone("ICT", 7*3600), People: people(), Hotline: "hotline",
		Shifts: []alerting.Shift{{Start: start.Add(-time.Hour), End: start.Add(48 * time.Hour), Officers: []string{"an", "binh"}, Deputy: "chi"}},
	})
}

func newRig(t *testing.T, change func(*Options)) *rig {
	t.Helper()
	start := time.Now()
	r := &rig{t: t, mem: newMemory(), sms: newPhone("sms"), voice: newPhone("voice"), ntfy: newPhone("ntfy"), start: start}
	r.opt = Options{
		Dir: t.TempDir(), Roster: testRoster(start), Ladder: ladder.Default(), Store: r.mem, WatchdogWithin: -1,
		Channels: []alerting.Channel{r.sms, r.voice, r.ntfy}, ExternalURL: "https://watch.example",
	}
	r.opt.Ladder.Channels = map[string]ladder.Channel{}
	for _, ch := range []string{"sms", "voice", "ntfy"} {
		c := ladder.DefaultChannel(ch)
		c.Receipt = 0
		r.opt.Ladder.Channels[ch] = c
	}
	if change != nil {
		change(&r.opt)
	}
	r.boot()
	t.Cleanup(func() {
		if r.end != nil {
			r.stop()
		}
	})
	return r
}

func (r *rig) boot() {
	r.t.Helper()
	s, err := New(r.opt)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.Service, r.end, r.ended = s, cancel, make(chan error, 1)
	go func() { r.ended <- s.Run(ctx) }()
	synctest.Wait()
}

func (r *rig) stop() {
	r.t.Helper()
	r.end()
	if err := <-r.ended; err != nil {
		r.t.Errorf("Run: %v", err)
	}
	r.end = nil
}

// pass lets time pass and everything that it brings settle.
func (r *rig) pass(d time.Duration) {
	r.t.Helper()
	<-time.After(d)
	synctest.Wait()
}

// group is a group of one alert per unit/system.
func group(key, severity string, at time.Time, systems ...string) incident.Group {
	g := incident.Group{Key: key, Labels: incident.Labels{"alertname": "CheckDown"}}
	for _, s := range systems {
		unit, system, _ := strings.Cut(s, "/")
		g.Alerts = append(g.Alerts, incident.Alert{
			Fingerprint: s, Name: "CheckDown", Severity: severity, Unit: unit, System: system, Since: at, Summary: "khong truy cap duoc",
		})
	}
	return g
}

func ended(g incident.Group, at time.Time) incident.Group {
	g.Alerts = slices.Clone(g.Alerts)
	for i := range g.Alerts {
		g.Alerts[i].Ended = at
	}
	return g
}

func (r *rig) fire(g incident.Group) {
	r.t.Helper()
	if err := r.webhook(r.t.Context(), g); err != nil {
		r.t.Fatal(err)
	}
	synctest.Wait()
}

// log is everything that was sent, one line each: minutes since the start,
// channel, person, kind.
func (r *rig) log() []string {
	var all []sent
	for _, p := range []*phone{r.sms, r.voice, r.ntfy} {
		all = append(all, p.all()...)
	}
	slices.SortStableFunc(all, func(a, b sent) int { return a.at.Compare(b.at) })
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = fmt.Sprintf("%s %s %s %s", minutes(s.at.Sub(r.start)), s.channel, who(s.address), s.page.Kind)
	}
	return out
}

func minutes(d time.Duration) string {
	d = d.Truncate(time.Second)
	if d%time.Minute != 0 {
		return d.String()
	}
	return fmt.Sprintf("%dm", d/time.Minute)
}

func (r *rig) live() []incident.Incident {
	var out []incident.Incident
	for _, in := range r.View().Incidents {
		if in.Status.Live() {
			out = append(out, in)
		}
	}
	return out
}

func (r *rig) only() incident.Incident {
	r.t.Helper()
	l := r.live()
	if len(l) != 1 {
		r.t.Fatalf("%d live incidents, want 1", len(l))
	}
	return l[0]
}

// entries reads the journal of a stopped or running rig.
func (r *rig) entries() []journal.Entry {
	r.t.Helper()
	var out []journal.Entry
	for e, err := range journal.Read(r.opt.Dir + "/journal") {
		if err != nil {
			r.t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

func (r *rig) journalHas(kind, what, who string) bool {
	return slices.ContainsFunc(r.entries(), func(e journal.Entry) bool { return e.Kind == kind && e.What == what && (who == "" || e.Who == who) })
}

var errDown = errors.New("modem: connection refused")
