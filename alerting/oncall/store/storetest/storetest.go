// Package storetest holds the promises of a store.Store as tests that any
// implementation can run.
package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"watchpost.example/alerting/oncall/incident"
	"watchpost.example/alerting/oncall/outbox"
	"watchpost.example/alerting/oncall/store"
)

var t0 = time.Date(2026, 8, 29, 17, 0, 0, 123456789, time.UTC)

// Run tests an implementation. fresh is called once a test and gives a function
// that opens the test's own store; each further call opens the same data again,
// after the one before was closed.
func Run(t *testing.T, fresh func(t *testing.T) (open func() store.Store)) {
	t.Helper()
	for _, tt := range []struct {
		name string
		test func(t *testing.T, open func() store.Store)
	}{
		{"what is committed comes back", comesBack},
		{"all or nothing", allOrNothing},
		{"the same again does no harm", again},
		{"text comes back as it was", text},
		{"lists are ordered and bounded", lists},
		{"what is over is forgotten, what is live never", prune},
		{"reading while writing", together},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, fresh(t)) })
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func comesBack(t *testing.T, open func() store.Store) {
	t.Helper()
	s := open()
	live := incident.Incident{ID: "i1", Code: "7421", Status: incident.Open, Opened: t0, Groups: []incident.Group{{Key: "k"}}}
	taken := incident.Incident{ID: "i2", Status: incident.Acknowledged, Opened: t0.Add(time.Second)}
	old := incident.Incident{ID: "i0", Status: incident.Resolved, Opened: t0.Add(-50 * time.Hour), Ended: t0.Add(-49 * time.Hour)}
	recent := incident.Incident{ID: "i3", Status: incident.Closed, Opened: t0.Add(-50 * time.Hour), Ended: t0.Add(-time.Hour)}
	sending := outbox.Delivery{ID: "p1", Incident: "i1", Status: outbox.Sending, Created: t0.Add(-99 * time.Hour)}
	done := outbox.Delivery{ID: "p0", Incident: "i0", Status: outbox.Done, Created: t0.Add(-50 * time.Hour)}
	must(t, s.Commit(t.Context(), store.Batch{
		Incidents: []incident.Incident{live, taken, old, recent}, Deliveries: []outbox.Delivery{sending, done},
		Lines:  []store.Line{{Seq: 1, Body: json.RawMessage(`{"a":1}`)}, {Seq: 2, Body: json.RawMessage(`{"a":2}`)}},
		Values: []store.Value{{Name: "v", Text: "x"}, {Name: "gone", Text: "y", Expires: t0.Add(-time.Hour)}, {Name: "ahead", Text: "z", Expires: t0.Add(time.Hour)}},
	}))
	live.Status, live.Timeline = incident.Acknowledged, []incident.Line{{At: t0, What: incident.Acked}}
	must(t, s.Commit(t.Context(), store.Batch{Incidents: []incident.Incident{live}, Flushed: 1}))
	must(t, s.Close())
	s = open()
	st, err := s.Load(t.Context(), t0.Add(-24*time.Hour), t0)
	must(t, err)
	want := store.State{
		Incidents: []incident.Incident{recent, live, taken}, Deliveries: []outbox.Delivery{sending},
		Lines: []store.Line{{Seq: 2, Body: json.RawMessage(`{"a":2}`)}}, Values: map[string]string{"v": "x", "ahead": "z"},
	}
	if d := cmp.Diff(want, st); d != "" {
		t.Error(d)
	}
	if in, ok, err := s.Incident(t.Context(), "i0"); !ok || err != nil || in.Status != incident.Resolved {
		t.Errorf("incident i0: %v %v %v", in, ok, err)
	}
	if _, ok, err := s.Incident(t.Context(), "nope"); ok || err != nil {
		t.Errorf("incident nope: %v %v", ok, err)
	}
}

func allOrNothing(t *testing.T, open func() store.Store) {
	t.Helper()
	s := open()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Commit(ctx, store.Batch{Incidents: []incident.Incident{{ID: "lost", Opened: t0}}, Values: []store.Value{{Name: "v"}}}); err == nil {
		t.Error("a commit that was called off says that it was done")
	}
	st, err := s.Load(t.Context(), time.Time{}, t0)
	must(t, err)
	if len(st.Incidents)+len(st.Values) != 0 {
		t.Errorf("half of a batch was kept: %+v", st)
	}
}

func again(t *testing.T, open func() store.Store) {
	t.Helper()
	s := open()
	b := store.Batch{
		Incidents:  []incident.Incident{{ID: "i", Status: incident.Open, Opened: t0}},
		Deliveries: []outbox.Delivery{{ID: "p", Incident: "i", Status: outbox.Queued, Created: t0}},
		Lines:      []store.Line{{Seq: 7, Body: json.RawMessage(`{}`)}}, Values: []store.Value{{Name: "v", Text: "1"}},
	}
	for range 3 {
		must(t, s.Commit(t.Context(), b))
	}
	b.Values[0].Text = "2"
	must(t, s.Commit(t.Context(), b))
	st, err := s.Load(t.Context(), time.Time{}, t0)
	must(t, err)
	if len(st.Incidents) != 1 || len(st.Deliveries) != 1 || len(st.Lines) != 1 || st.Values["v"] != "2" {
		t.Errorf("%+v", st)
	}
	must(t, s.Commit(t.Context(), store.Batch{}))
}

// text is what real night shifts, and hostile alerts, write.
func text(t *testing.T, open func() store.Store) {
	t.Helper()
	s := open()
	long := strings.Repeat("Ỹ", 1<<19)
	for i, x := range []string{"Đã gọi đầu mối 'an'; DROP TABLE incidents;--", "😀\u202e\"\\", "$1 ? :x %s", long} {
		id := fmt.Sprintf("i%d", i)
		must(t, s.Commit(t.Context(), store.Batch{
			Incidents: []incident.Incident{{ID: id, Status: incident.Open, Opened: t0, Title: x}}, Values: []store.Value{{Name: "ticket:" + id, Text: x}},
		}))
		in, ok, err := s.Incident(t.Context(), id)
		if err != nil || !ok || in.Title != x {
			t.Errorf("%.40q came back as %.40q, %v %v", x, in.Title, ok, err)
		}
	}
	st, err := s.Load(t.Context(), time.Time{}, t0)
	must(t, err)
	if len(st.Values) != 4 || st.Values["ticket:i3"] != long {
		t.Errorf("%d values", len(st.Values))
	}
}

func lists(t *testing.T, open func() store.Store) {
	t.Helper()
	s := open()
	var b store.Batch
	for i := range 1200 {
		b.Incidents = append(b.Incidents, incident.Incident{ID: fmt.Sprintf("i%04d", i), Status: incident.Resolved, Opened: t0.Add(time.Duration(i/2) * time.Nanosecond), Ended: t0.Add(time.Hour)})
		b.Deliveries = append(b.Deliveries, outbox.Delivery{ID: fmt.Sprintf("p%04d", i), Incident: "i0000", Status: outbox.Done, Created: t0.Add(-time.Duration(i) * time.Nanosecond)})
	}
	must(t, s.Commit(t.Context(), b))
	for limit, want := range map[int]int{-1: 1, 0: 1, 7: 7, 1000: 1000, 5000: 1000} {
		l, err := s.Incidents(t.Context(), t0.Add(time.Hour), limit)
		if err != nil || len(l) != want {
			t.Errorf("limit %d: %d, %v; want %d", limit, len(l), err, want)
		}
		if !slices.IsSortedFunc(l, func(a, b incident.Incident) int { return b.Opened.Compare(a.Opened) }) {
			t.Errorf("limit %d: not newest first", limit)
		}
	}
	if l, err := s.Incidents(t.Context(), t0.Add(3*time.Nanosecond), 1000); err != nil || len(l) != 6 || l[0].ID != "i0005" {
		t.Errorf("before a moment: %d, %v", len(l), err)
	}
	d, err := s.Deliveries(t.Context(), "i0000")
	if err != nil || len(d) != 1200 || d[0].ID != "p1199" {
		t.Errorf("%d deliveries, %v", len(d), err)
	}
}

func prune(t *testing.T, open func() store.Store) {
	t.Helper()
	s := open()
	long := t0.Add(-1000 * time.Hour)
	b := store.Batch{Incidents: []incident.Incident{
		{ID: "open", Status: incident.Open, Opened: long},
		{ID: "taken", Status: incident.Acknowledged, Opened: long},
		{ID: "odd", Status: incident.Open, Opened: long, Ended: long}, // live by its status, whatever its end says
		{ID: "recent", Status: incident.Resolved, Opened: long, Ended: t0},
		{ID: "edge", Status: incident.Resolved, Opened: long, Ended: t0.Add(-time.Hour)},
		{ID: "old1", Status: incident.Resolved, Opened: long, Ended: long.Add(1)},
		{ID: "old2", Status: incident.Closed, Opened: long, Ended: long.Add(2)},
		{ID: "old3", Status: incident.Merged, Opened: long, Ended: long.Add(3)},
	}}
	for _, in := range b.Incidents {
		b.Deliveries = append(b.Deliveries, outbox.Delivery{ID: "p" + in.ID, Incident: in.ID, Status: outbox.Done, Created: long})
	}
	b.Deliveries = append(b.Deliveries,
		outbox.Delivery{ID: "notice", Status: outbox.Sent, Created: long}, outbox.Delivery{ID: "waits", Status: outbox.Queued, Created: long})
	must(t, s.Commit(t.Context(), b))
	before := t0.Add(-time.Hour)
	for i, want := range []int{2, 1, 0} {
		if n, err := s.Prune(t.Context(), before, 2); err != nil || n != want {
			t.Errorf("round %d: %d, %v; want %d", i, n, err, want)
		}
	}
	st, err := s.Load(t.Context(), time.Time{}, t0)
	must(t, err)
	var ids []string
	for _, in := range st.Incidents {
		ids = append(ids, in.ID)
	}
	for _, d := range st.Deliveries {
		ids = append(ids, d.ID)
	}
	slices.Sort(ids)
	if want := []string{"edge", "odd", "open", "pedge", "podd", "popen", "precent", "ptaken", "recent", "taken", "waits"}; !slices.Equal(ids, want) {
		t.Errorf("left are %v, want %v", ids, want)
	}
}

func together(t *testing.T, open func() store.Store) {
	t.Helper()
	s := open()
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for range 30 {
				if _, err := s.Incidents(t.Context(), t0.Add(time.Hour), 10); err != nil {
					t.Errorf("reading while somebody writes: %v", err)
				}
			}
		})
	}
	wg.Go(func() {
		for range 10 {
			if _, err := s.Prune(t.Context(), t0, 10); err != nil {
				t.Errorf("pruning while somebody writes: %v", err)
			}
		}
	})
	for i := range 30 {
		must(t, s.Commit(t.Context(), store.Batch{Incidents: []incident.Incident{{ID: fmt.Sprint(i), Status: incident.Open, Opened: t0}}}))
	}
	wg.Wait()
	if l, err := s.Incidents(t.Context(), t0.Add(time.Hour), 100); err != nil || len(l) != 30 {
		t.Errorf("%d, %v", len(l), err)
	}
}
