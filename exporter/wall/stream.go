package wall

import (
	"bytes"
	"fmt"
	"net/http"
	"time"
)

// fragment is one drawing of the board, shared by all streams of a language and theme.
type fragment struct {
	at   time.Time
	body []byte
}

// shareFor is how long a drawing serves every stream, and the least time
// between two drawings: with a thousand checks something changes all the time.
const shareFor = time.Second

// event draws the board as one server-sent event. Its id is the server's clock
// in milliseconds, which the page's clock and durations run on.
func (w *Wall) event(lang, theme string) ([]byte, error) {
	key := speech(lang).Lang + theme
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	if f, ok := w.cached[key]; ok && now.Sub(f.at) < shareFor && !now.Before(f.at) {
		return f.body, nil
	}
	v := w.view(lang, now)
	v.Theme = theme
	var html bytes.Buffer
	if err := w.templates.ExecuteTemplate(&html, "board", v); err != nil {
		return nil, fmt.Errorf("drawing the board: %w", err)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "event: board\nid: %d\n", now.UnixMilli())
	for line := range bytes.Lines(html.Bytes()) {
		b.WriteString("data: ")
		b.Write(bytes.TrimRight(line, "\r\n"))
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	w.cached[key] = fragment{now, b.Bytes()}
	return b.Bytes(), nil
}

// events streams the board: at once, after a change (at most one a second) and
// each tick, so that a page knows that its server lives.
func (w *Wall) events(rw http.ResponseWriter, r *http.Request) {
	if n := w.streams.Add(1); n > int64(w.opt.MaxStreams) {
		w.streams.Add(-1)
		rw.Header().Set("Retry-After", "30")
		http.Error(rw, "too many live pages are open", http.StatusServiceUnavailable)
		return
	}
	defer w.streams.Add(-1)
	changed, cancel := w.opt.Board.Subscribe()
	defer cancel()
	rw.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	rw.Header().Set("X-Accel-Buffering", "no") // nginx would hold the events back
	out := http.NewResponseController(rw)
	tick := time.NewTicker(w.opt.Tick)
	defer tick.Stop()
	pause := time.NewTimer(0)
	defer pause.Stop()
	<-pause.C
	for lang, theme := r.URL.Query().Get("lang"), theme(r); ; {
		b, err := w.event(lang, theme)
		if err != nil {
			w.opt.Log.Error("the wall could not draw an event", "err", err)
			return
		}
		// The server's own WriteTimeout would end the stream; one write may take
		// three ticks, then the reader is gone. Not every writer has deadlines.
		_ = out.SetWriteDeadline(time.Now().Add(3 * w.opt.Tick))
		if _, err := rw.Write(b); err != nil {
			return
		}
		if err := out.Flush(); err != nil {
			return
		}
		pause.Reset(shareFor)
		if !w.wait(r, pause.C) || !w.wait(r, tick.C, changed) {
			return
		}
	}
}

// wait returns true on the first of its channels and false when the reader or
// the wall is gone.
func (w *Wall) wait(r *http.Request, tick <-chan time.Time, changed ...<-chan struct{}) bool {
	var c <-chan struct{}
	if len(changed) > 0 {
		c = changed[0]
	}
	select {
	case <-r.Context().Done():
		return false
	case <-w.done:
		return false
	case <-tick:
	case <-c:
	}
	return true
}
