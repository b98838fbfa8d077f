package wall

import (
	"bufio"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"watchpost.example/probes"
)

// frames reads events off a stream.
func frames(t *testing.T, url string) (next func() string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	r := bufio.NewReader(resp.Body)
	return func() string {
		var b strings.Builder
		for {
			line, err := r.ReadString('\n')
			b.WriteString(line)
			if err != nil {
				return b.String()
			}
			if line == "\n" {
				return b.String()
			}
		}
	}
}

func TestEventsFollowTheBoard(t *testing.T) {
	b := &fakeBoard{}
	u := &probes.Unit{ID: "a"}
	b.units = []*probes.Unit{u}
	b.add(u, "x", "X", probes.Up, "", time.Second, time.Hour)
	w, srv := newWall(t, b, func(o *Options) { o.Tick = time.Minute })
	next := frames(t, srv.URL+"/events")
	first := next()
	if !strings.HasPrefix(first, "event: board\nid: ") || !strings.Contains(first, `class="tile up"`) {
		t.Fatalf("got %.200s", first)
	}
	for i, line := range strings.Split(strings.TrimRight(first, "\n"), "\n") {
		if i > 1 && !strings.HasPrefix(line, "data: ") {
			t.Fatalf("line %d would end the event: %q", i, line)
		}
	}
	var wg sync.WaitGroup
	for range 50 { // many changes are few events
		wg.Go(func() { b.set(0, probes.Down, time.Now()) })
	}
	wg.Wait()
	if second := next(); !strings.Contains(second, `class="row down"`) {
		t.Errorf("the change did not come: %.200s", second)
	}
	w.Close()
	w.Close()
	if end := next(); end != "" {
		t.Errorf("the stream goes on after Close: %.100s", end)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.subs) > 0 {
		b.mu.Unlock()
		b.mu.Lock() // the handler is on its way out
	}
}

func TestStreamsAreBounded(t *testing.T) {
	b := &fakeBoard{}
	_, srv := newWall(t, b, func(o *Options) { o.MaxStreams = 1 })
	next := frames(t, srv.URL+"/events")
	next()
	if _, resp := get(t, srv.URL+"/events"); resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("got %s", resp.Status)
	}
}

func TestStreamTicksWithoutChange(t *testing.T) {
	b := &fakeBoard{}
	_, srv := newWall(t, b, nil)
	next := frames(t, srv.URL+"/events?lang=en")
	for range 2 {
		if f := next(); !strings.Contains(f, "No system is declared yet") {
			t.Fatalf("got %.200s", f)
		}
	}
}
