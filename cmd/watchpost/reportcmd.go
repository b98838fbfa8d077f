package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/promslog"

	"watchpost.example/alerting/oncall/words"
	"watchpost.example/exporter"
	"watchpost.example/exporter/history"
	"watchpost.example/inventory"
	"watchpost.example/probes"
	"watchpost.example/probes/dns/zone"
	"watchpost.example/probes/show"
	"watchpost.example/report"
)

type reportOptions struct {
	config, from, to, out, url, storage, title, journal string
	objective                                           float64
}

func reportCommand(app *kingpin.Application) (*kingpin.CmdClause, func(context.Context, *env) error) {
	var o reportOptions
	cmd := app.Command("report", "Write the availability report of a period: HTML, CSV and JSON.")
	configFlag(cmd, &o.config)
	cmd.Flag("from", "Begin: 2026-09-01, 2026-09-01T07:00 or RFC 3339; without zone: Vietnamese time.").Required().StringVar(&o.from)
	cmd.Flag("to", "End: a date alone is included whole; default now.").StringVar(&o.to)
	cmd.Flag("out", "Folder for the files.").Default("report").StringVar(&o.out)
	cmd.Flag("url", "A running watchpost, or any Prometheus-compatible server, to read the history from.").Default("http://127.0.0.1:9115").StringVar(&o.url)
	cmd.Flag("storage.path", "Read the history from this folder instead; watchpost must not be running on it.").StringVar(&o.storage)
	cmd.Flag("journal", "Folder of on-call's journal (data/oncall/journal), for the section about the duty.").StringVar(&o.journal)
	cmd.Flag("title", "Title under BÁO CÁO.").StringVar(&o.title)
	cmd.Flag("objective", "Your own objective in percent, such as 99.5; 0 = none, nothing is judged.").FloatVar(&o.objective)
	return cmd, func(ctx context.Context, e *env) error { return runReport(ctx, e, o) }
}

func runReport(ctx context.Context, e *env, o reportOptions) error {
	log := promslog.New(&e.log)
	cfg, err := loadConfig(o.config, log)
	if err != nil {
		return err
	}
	loc, err := time.LoadLocation(inventory.DefaultTimeZone)
	if err != nil {
		return fmt.Errorf("time zone: %w", err)
	}
	if o.to == "" {
		o.to = time.Now().In(loc).Format("2006-01-02T15:04:05")
	}
	period, err := report.ParsePeriod(o.from, o.to, loc)
	if err != nil {
		return &exitError{2, err}
	}
	duty, err := oncallFigures(o.journal, cfg.Server.Oncall.Roster, period)
	if err != nil {
		return err
	}
	raw, done, err := openHistory(ctx, cfg, o)
	if err != nil {
		return err
	}
	defer done()
	text := reportText(cfg.Server, o)
	text.Incidents = duty
	r, err := report.Build(ctx, report.HistorySource{Raw: raw}, cfg.Inventory.Units, period, text)
	if err != nil {
		return fmt.Errorf("reading the history for the report: %w", err)
	}
	return writeReport(e, o.out, r)
}

// reportText is the head of the report from the configuration.
func reportText(s inventory.Server, o reportOptions) report.Options {
	return report.Options{
		Parent: strings.Join(s.Report.Parent, "\n"), Organisation: strings.Join(s.Report.Organisation, "\n"), Symbol: s.Report.Symbol,
		Place: s.Report.Place, Title: o.title, Signer: strings.Join(s.Report.Signer, "\n"), Recipients: s.Report.Recipients,
		To: s.Report.To, Basis: s.Report.Basis,
		Objective: o.objective, Vantage: s.Vantage, Now: time.Now(), Explain: explain,
	}
}

// explain adapts the dictionaries of reasons, the shared one and that of DNS
// integrity, to those who know reasons as words.
func explain(reason, lang string) (title, whatToDo string) {
	r := probes.Reason(reason)
	title, whatToDo = show.Explain(r, show.Lang(lang))
	if !show.Explained(r) {
		if s := zone.Words(r, lang); s != "" {
			title = s
		}
	}
	return title, whatToDo
}

// reasonWords puts every reason of the kinds into the words that alerts use.
func reasonWords(all []probes.Kind) []exporter.ReasonWords {
	reasons := probes.SharedReasons()
	for _, k := range all {
		reasons = append(reasons, k.Reasons...)
	}
	slices.Sort(reasons)
	var out []exporter.ReasonWords
	for _, r := range slices.Compact(reasons) {
		title, _ := explain(string(r), string(show.Vietnamese))
		out = append(out, exporter.ReasonWords{Reason: r, Words: title, Short: words.Cut(words.Fold(title), 50)})
	}
	return out
}

// openHistory gives the reader of raw samples: the folder if one is named, else
// the configured Prometheus, else the running watchpost.
func openHistory(ctx context.Context, cfg *config, o reportOptions) (report.RawQuerier, func(), error) {
	if o.storage != "" {
		h, err := history.Open(history.Options{Dir: filepath.Join(o.storage, "history"), Reserve: -1})
		if err != nil {
			return nil, nil, err
		}
		return rawQuerier{h}, func() { _ = h.Close() }, nil // nothing was written
	}
	q, err := remoteQuerier(cfg.Server, o.url)
	if err != nil {
		return nil, nil, err
	}
	if _, err := q.Query(ctx, "vector(1)", time.Now()); err != nil {
		return nil, nil, fmt.Errorf("no history at %s: %w\nIs watchpost running? Name another server with --url, or the folder of a stopped one with --storage.path", o.url, err)
	}
	return rawQuerier{q}, func() {}, nil
}

func remoteQuerier(s inventory.Server, url string) (history.Querier, error) {
	if s.Prometheus.Query.URL != "" {
		return endpointQuerier(s.Prometheus.Query)
	}
	return history.Remote(url, http.DefaultTransport)
}

func writeReport(e *env, dir string, r *report.Report) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	for _, f := range []struct {
		name  string
		write func(io.Writer, *report.Report) error
	}{{"report.html", report.HTML}, {"systems.csv", report.CSV}, {"outages.csv", report.OutagesCSV}, {"report.json", report.JSON}} {
		path := filepath.Join(dir, f.name)
		if err := writeFile(path, func(w io.Writer) error { return f.write(w, r) }); err != nil {
			return fmt.Errorf("writing %s: %w", path, err)
		}
		say(e.out, "%s\n", path)
	}
	return nil
}

// writeFile writes a whole file or leaves the old one: beside it, then renamed.
func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone after the rename
	if err := write(f); err != nil {
		_ = f.Close() // the first error counts
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		_ = f.Close() // the first error counts
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
