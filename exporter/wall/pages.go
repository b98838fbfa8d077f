package wall

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"watchpost.example/probes"
)

// asset is an embedded file with the hash that makes its address change with it.
type asset struct {
	body, hash []byte
	mediaType  string
}

func loadAssets(static fs.FS) (map[string]asset, error) {
	out := map[string]asset{}
	entries, err := fs.ReadDir(static, ".")
	if err != nil {
		return nil, fmt.Errorf("the wall's static files: %w", err)
	}
	for _, e := range entries {
		b, err := fs.ReadFile(static, e.Name())
		if err != nil {
			return nil, fmt.Errorf("the wall's static files: %w", err)
		}
		sum := sha256.Sum256(b)
		out[e.Name()] = asset{b, sum[:8], mime.TypeByExtension(path.Ext(e.Name()))}
	}
	return out, nil
}

func (w *Wall) asset(rw http.ResponseWriter, r *http.Request) {
	a, ok := w.assets[r.PathValue("name")]
	if !ok {
		http.NotFound(rw, r)
		return
	}
	rw.Header().Set("Content-Type", a.mediaType)
	if r.URL.Query().Get("v") == hex.EncodeToString(a.hash) {
		rw.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	_, _ = rw.Write(a.body) // a reader that went away is nobody's error
}

func (w *Wall) functions() template.FuncMap {
	return template.FuncMap{
		"static":  func(name string) string { return "/static/" + name + "?v=" + hex.EncodeToString(w.assets[name].hash) },
		"states":  States,
		"stateOf": func(v probes.Verdict) State { return stateOf(v) },
		"addr":    address,
		"unix":    func(t time.Time) int64 { return t.UnixMilli() },
		"tick":    func() int64 { return w.opt.Tick.Milliseconds() },
		"explain": func(r probes.Reason, lang string) string { return w.explain(string(r), lang) },
		"toDo": func(r, lang string) string {
			if w.opt.Explain == nil || r == "" {
				return ""
			}
			_, do := w.opt.Explain(r, lang)
			return do
		},
		"phases": phases,
		"query":  query,
		"hash":   func(h string) string { return h[:min(len(h), 12)] },
	}
}

// address is without the port where the kind has none.
func address(a netip.AddrPort) string {
	if a.Port() == 0 {
		return a.Addr().String()
	}
	return a.String()
}

type phaseView struct{ Name, Took string }

// phases lists the phases that were reached.
func phases(p probes.Part, t *text) []phaseView {
	var out []phaseView
	for _, ph := range probes.PhaseList() {
		if d := p.Phases[ph]; d > 0 {
			out = append(out, phaseView{t.Word(ph.String()), t.Lasted(d)})
		}
	}
	return out
}

// query keeps language and theme in links: "?lang=en&theme=light", "" for the
// defaults.
func query(lang, theme string) template.URL {
	q := url.Values{}
	if lang != "vi" {
		q.Set("lang", lang)
	}
	if theme != "dark" {
		q.Set("theme", theme)
	}
	if len(q) == 0 {
		return ""
	}
	return template.URL("?" + q.Encode()) // two words of closed lists
}

// safeURL lets only addresses through that a browser opens as a page.
func safeURL(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https" || u.Scheme == "" && !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") {
		return ""
	}
	return s
}

// theme is dark, for a dim room, unless light or auto is asked for.
func theme(r *http.Request) string {
	if t := r.URL.Query().Get("theme"); t == "light" || t == "auto" {
		return t
	}
	return "dark"
}

func (w *Wall) page(rw http.ResponseWriter, r *http.Request) {
	v := w.view(r.URL.Query().Get("lang"), w.now())
	v.Theme = theme(r)
	w.render(rw, http.StatusOK, "wall.html", v)
}

// render writes a page whole or not at all.
func (w *Wall) render(rw http.ResponseWriter, code int, name string, data any) {
	var b bytes.Buffer
	if err := w.templates.ExecuteTemplate(&b, name, data); err != nil {
		w.opt.Log.Error("the wall could not draw a page", "page", name, "err", err)
		http.Error(rw, "the page could not be drawn; the log says why", http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	rw.WriteHeader(code)
	_, _ = rw.Write(b.Bytes()) // a reader that went away is nobody's error
}

func (w *Wall) status(rw http.ResponseWriter, r *http.Request) {
	v := w.view(r.URL.Query().Get("lang"), w.now())
	rw.Header().Set("Content-Type", "application/json; charset=utf-8")
	e := json.NewEncoder(rw)
	e.SetIndent("", " ")
	_ = e.Encode(v) // the value always encodes; a reader that went away is nobody's error
}

// detail is a page about a unit or system.
type detail struct {
	*view
	Unit     *probes.Unit
	UnitView unitView
	System   *probes.System
	SV       systemView
	Checks   []checkView
	HasPast  bool
	PastErr  bool
	Strip    []bar
	Avail    string
	Covered  time.Duration // how much of the 24 h has figures; 0 = nearly all
	From     time.Time
}

type checkView struct {
	probes.Entry
	State  State
	Since  time.Time
	Reason string
	Why    string
}

type bar struct {
	State string
	X, W  float64
	Title string
}

func (w *Wall) find(id string) (*probes.Unit, bool) {
	for _, u := range w.opt.Board.Units() {
		if u.ID == id {
			return u, true
		}
	}
	return nil, false
}

func (w *Wall) unitPage(rw http.ResponseWriter, r *http.Request) {
	d := &detail{view: w.view(r.URL.Query().Get("lang"), w.now())}
	d.Theme = theme(r)
	u, ok := w.find(r.PathValue("unit"))
	if !ok {
		w.render(rw, http.StatusNotFound, "missing.html", d)
		return
	}
	d.Unit = u
	for _, uv := range d.Units {
		if uv.ID == u.ID {
			d.UnitView = uv
		}
	}
	w.render(rw, http.StatusOK, "unit.html", d)
}

func (w *Wall) systemPage(rw http.ResponseWriter, r *http.Request) {
	now := w.now()
	d := &detail{view: w.view(r.URL.Query().Get("lang"), now), From: now.Add(-24 * time.Hour)}
	d.Theme = theme(r)
	u, ok := w.find(r.PathValue("unit"))
	if ok {
		d.Unit = u
		if i := slices.IndexFunc(u.Systems, func(s *probes.System) bool { return s.ID == r.PathValue("system") }); i >= 0 {
			d.System = u.Systems[i]
		}
	}
	if d.System == nil {
		w.render(rw, http.StatusNotFound, "missing.html", d)
		return
	}
	var entries []probes.Entry
	for _, e := range w.opt.Board.Entries() {
		if e.Check == nil || e.Check.System != d.System {
			continue
		}
		entries = append(entries, e)
		c := checkView{Entry: e}
		var because why
		c.State, c.Since, because = judge(e, now)
		c.Reason, c.Why = w.reason(d.T, e, c.State, because)
		d.Checks = append(d.Checks, c)
	}
	slices.SortStableFunc(d.Checks, func(a, b checkView) int {
		return cmp.Or(cmp.Compare(b.State.rank(), a.State.rank()), cmp.Compare(a.Check.ID.Check, b.Check.ID.Check))
	})
	d.SV = w.systemView(d.T, d.System, entries, now)
	w.past(r.Context(), d, now)
	w.render(rw, http.StatusOK, "system.html", d)
}

// past draws the last 24 h. History that fails or is slow must not take the
// page with it.
func (w *Wall) past(ctx context.Context, d *detail, now time.Time) {
	if w.opt.Past == nil {
		return
	}
	d.HasPast = true
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	p, err := w.opt.Past(ctx, d.System, d.From, now)
	if err != nil {
		w.opt.Log.Warn("the wall could not read the last 24 h", "system", d.System.Key(), "err", err)
		d.PastErr = true
		return
	}
	d.Avail = p.Availability
	d.Covered = covered(p.Spans, now.Sub(d.From))
	total := now.Sub(d.From).Seconds()
	// Well states first, trouble on top and never thinner than a line.
	for _, top := range []bool{false, true} {
		for _, s := range p.Spans {
			if (s.State == Down) != top {
				continue
			}
			b := bar{
				State: s.State.Word(), X: s.From.Sub(d.From).Seconds() / total * 1000, W: s.To.Sub(s.From).Seconds() / total * 1000,
				Title: d.T.State(s.State) + " " + d.T.Clock(s.From, now) + " – " + d.T.Clock(s.To, now),
			}
			if s.State != Up {
				b.W = max(b.W, 2)
			}
			d.Strip = append(d.Strip, b)
		}
	}
}

// covered adds up the time that was measured, so that the availability of two
// minutes isn't read as that of a day; 0 when less than 5 % is missing.
func covered(spans []Span, of time.Duration) time.Duration {
	var sum time.Duration
	for _, s := range spans {
		if s.State != Unknown {
			sum += s.To.Sub(s.From)
		}
	}
	if sum > of*95/100 {
		return 0
	}
	return sum
}
