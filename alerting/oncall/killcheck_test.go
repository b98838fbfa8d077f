package oncall

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"watchpost.example/alerting/oncall/incident"
	"watchpost.example/alerting/oncall/journal"
	"watchpost.example/alerting/oncall/store"
)

// quiet tells whether nothing waits to be sent.
func (k *killed) quiet(ctx context.Context) bool {
	var all []incident.Incident
	if !k.ask(ctx, http.MethodGet, "/api/oncall/incidents?limit=1000", nil, &all) || len(all) < storm {
		return false
	}
	return len(k.state(ctx).waiting) == 0
}

type stateOnDisk struct {
	incidents map[string]incident.Incident // by group key
	waiting   []string
	status    map[string]string // of a delivery by page ID
}

func (k *killed) state(ctx context.Context) stateOnDisk {
	k.t.Helper()
	out := stateOnDisk{incidents: map[string]incident.Incident{}, status: map[string]string{}}
	st, err := store.OpenSQLite(ctx, filepath.Join(k.dir, "state", "oncall.db"))
	if err != nil {
		k.t.Fatal(err)
	}
	defer func() { _ = st.Close() }()
	s, err := st.Load(ctx, time.Time{}, time.Now())
	if err != nil {
		k.t.Fatal(err)
	}
	for _, in := range s.Incidents {
		key := in.Groups[0].Key
		if old, ok := out.incidents[key]; ok {
			k.t.Errorf("%s has two incidents, %s and %s", key, old.ID, in.ID)
		}
		out.incidents[key] = in
	}
	for _, d := range s.Deliveries {
		out.status[d.ID] = string(d.Status)
		if d.Status.Waiting() {
			out.waiting = append(out.waiting, d.ID)
		}
	}
	return out
}

func (k *killed) check() {
	k.t.Helper()
	t := k.t
	phones, lines := k.phones()
	st := k.state(context.Background())
	if len(st.incidents) != storm {
		t.Errorf("%d incidents, want %d", len(st.incidents), storm)
	}
	entries := map[string]bool{} // "ack <incident>", "dropped <page>"
	queued := map[string][]string{}
	for e, err := range journal.Read(filepath.Join(k.dir, "state", "journal")) {
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case e.Kind == journal.Incident && e.What == incident.Acked && e.Who == "desk":
			entries["ack "+e.Incident] = true
		case e.Kind == journal.Outbox && e.What == "dropped":
			entries["dropped "+e.Page] = true
		case e.Kind == journal.Queued && e.What == incident.Opened:
			queued[e.Incident] = append(queued[e.Incident], e.Page)
		}
	}
	repeats, marked := 0, 0
	for page, texts := range phones {
		for i, text := range texts {
			if strings.Contains(text, "Co the lap") {
				marked++
			} else if i > 0 {
				t.Errorf("page %s was sent again without saying so: %q", page, text)
			}
		}
		repeats += len(texts) - 1
	}
	for i := range storm {
		key := fmt.Sprintf("group-%d", i)
		in := st.incidents[key]
		if n := len(queued[in.ID]); n != 3 {
			t.Errorf("%s: %d pages were queued, want 3 (an by sms and ntfy, binh by sms)", key, n)
		}
		for _, page := range queued[in.ID] {
			if acked := i%2 == 0; len(phones[page]) == 0 && (!acked || !entries["dropped "+page]) {
				t.Errorf("%s: page %s was lost (%s)", key, page, st.status[page])
			}
		}
		if i%2 == 0 && (in.Status != incident.Acknowledged || !in.HasAcked("desk") || !entries["ack "+in.ID]) {
			t.Errorf("%s: the acknowledgement was lost: %s %+v", key, in.Status, in.Acks)
		}
	}
	if _, n, _, err := journal.VerifyDir(filepath.Join(k.dir, "state", "journal")); err != nil {
		t.Errorf("the journal does not hold: %v", err)
	} else {
		t.Logf("%d pages on the phones, %d repeated, %d marked as possible repeats, %d journal lines", lines, repeats, marked, n)
	}
}

// phones reads what the phones got: texts by page.
func (k *killed) phones() (map[string][]string, int) {
	k.t.Helper()
	f, err := os.Open(filepath.Join(k.dir, "phones"))
	if err != nil {
		k.t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	out, n := map[string][]string{}, 0
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		var r record
		if err := json.Unmarshal(sc.Bytes(), &r); err != nil {
			// The phone's own file may be torn by the kill; the page then counts as
			// not received, and must come again.
			i := bytes.LastIndex(sc.Bytes(), []byte(`{"Channel"`))
			if i <= 0 || json.Unmarshal(sc.Bytes()[i:], &r) != nil {
				continue
			}
		}
		n++
		out[r.Page] = append(out[r.Page], r.Short)
	}
	if err := sc.Err(); err != nil {
		k.t.Fatal(err)
	}
	return out, n
}
