// Package wall is the built-in status wall: server-rendered HTML that works
// without JavaScript, is live with it, asks nothing of the internet and never
// shows as current what it does not know to be current.
//
// It only shows. No route changes anything, so it needs no session and no
// token against forgery; acknowledging happens on the phone.
package wall

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/probes"
)

//go:embed templates static
var files embed.FS

// Board is the newest knowledge of every check; exporter.Board is one.
type Board interface {
	Entries() []probes.Entry
	Units() []*probes.Unit
	// Subscribe gives a channel that receives one value after anything changed,
	// and the function that ends it.
	Subscribe() (<-chan struct{}, func())
}

// Options is what the wall shows. Only Board must be given; what is nil is
// left out of the page.
type Options struct {
	Board Board
	// Title stands at the head: the name of the watch. "" = a neutral one.
	Title string
	// Alerts gives the alerts of the engine.
	Alerts func() []alerting.Alert
	// AlertTitle gives an alert's title as people read it, "" when there is none:
	// then its summary stands, which is written for an SMS, without accents.
	AlertTitle func(name, lang string) string
	// AckedBy gives the name of who took an alert, "" when nobody has.
	AckedBy func(alerting.Alert) string
	// OnDuty gives who watches now; Deputy the name of the shift's leader.
	OnDuty alerting.OnDuty
	Deputy func(at time.Time) string
	// Explain gives a reason's title and what to do, in "vi" or "en".
	Explain func(reason, lang string) (title, whatToDo string)
	// Uplink tells whether this vantage can see anything; known is false without
	// anchors.
	Uplink func() (up, known bool)
	// ConfigError is the last reload's mistake, "" when it was good.
	ConfigError func() string
	// Past gives the last 24 h of a system for its page.
	Past func(ctx context.Context, s *probes.System, from, to time.Time) (Past, error)
	// Location is the zone of every clock shown; nil = time.Local.
	Location *time.Location
	// Tick is how often an idle stream proves that it lives; 0 = 5 s. The page
	// calls the server lost after three of them.
	Tick time.Duration
	// MaxStreams bounds the live pages open at once; 0 = 200.
	MaxStreams int
	Log        *slog.Logger // nil = slog.Default
}

// Past is what history tells of a system.
type Past struct {
	Spans        []Span
	Availability string // "99,98%"; "" = no figures
}

// Span is a stretch of one state: From included, To not.
type Span struct {
	From, To time.Time
	State    State
}

// Wall is the handler. Close ends its open streams; a server's Shutdown waits
// for them otherwise (register it with RegisterOnShutdown).
type Wall struct {
	opt       Options
	mux       *http.ServeMux
	templates *template.Template
	assets    map[string]asset
	streams   atomic.Int64
	done      chan struct{}
	closeOnce sync.Once
	mu        sync.Mutex
	cached    map[string]fragment
}

// New builds the wall's handler for "/", "/u/{unit}", "/s/{unit}/{system}",
// "/events", "/api/status" and "/static/". It fails only without a Board or
// when an embedded template is broken.
func New(opt Options) (*Wall, error) {
	if opt.Board == nil {
		return nil, errors.New("the wall needs a board")
	}
	if opt.Location == nil {
		opt.Location = time.Local
	}
	if opt.Tick <= 0 {
		opt.Tick = 5 * time.Second
	}
	if opt.MaxStreams <= 0 {
		opt.MaxStreams = 200
	}
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	w := &Wall{opt: opt, mux: http.NewServeMux(), done: make(chan struct{}), cached: map[string]fragment{}}
	static, err := fs.Sub(files, "static")
	if err != nil {
		return nil, fmt.Errorf("the wall's static files: %w", err)
	}
	if w.assets, err = loadAssets(static); err != nil {
		return nil, err
	}
	if w.templates, err = template.New("wall").Funcs(w.functions()).ParseFS(files, "templates/*.html"); err != nil {
		return nil, fmt.Errorf("the wall's templates: %w", err)
	}
	w.mux.HandleFunc("GET /{$}", w.page)
	w.mux.HandleFunc("GET /u/{unit}", w.unitPage)
	w.mux.HandleFunc("GET /s/{unit}/{system}", w.systemPage)
	w.mux.HandleFunc("GET /events", w.events)
	w.mux.HandleFunc("GET /api/status", w.status)
	w.mux.HandleFunc("GET /static/{name}", w.asset)
	return w, nil
}

// Close ends the live streams; pages reconnect when a server is there again.
func (w *Wall) Close() { w.closeOnce.Do(func() { close(w.done) }) }

// ServeHTTP implements http.Handler.
func (w *Wall) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	h := rw.Header()
	h.Set("Content-Security-Policy", "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "SAMEORIGIN")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	w.mux.ServeHTTP(rw, r)
}

// now is the wall's clock, in its zone.
func (w *Wall) now() time.Time { return time.Now().In(w.opt.Location) }
