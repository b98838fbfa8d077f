package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/exporter-toolkit/web"

	"watchpost.example/alerting/engine"
	"watchpost.example/alerting/oncall/auth"
	"watchpost.example/alerting/rules"
	"watchpost.example/exporter/history"
)

// startWeb serves all faces on the listeners, with the TLS and authentication
// of --web.config.file.
func (a *application) startWeb(listeners []net.Listener) {
	srv := webServer(a.routes(), a.log)
	srv.RegisterOnShutdown(a.wall.Close)
	a.rooms.run("web", func(ctx context.Context) error {
		done := make(chan error, 1)
		go func() { done <- web.ServeMultiple(listeners, srv, a.o.web, a.log) }()
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
		}
		err := bounded(5*time.Second, srv.Shutdown)()
		if err != nil {
			err = srv.Close() // somebody hangs on; five seconds were enough
		}
		<-done
		return err
	})
}

// webhookPath is where the embedded Alertmanager tells on-call.
const webhookPath = "/oncall/webhook"

// openInside opens a door on loopback for the embedded Alertmanager's word to
// on-call: the one outside may want a client certificate, a password or a name
// in its certificate, and no page may hang on any of them.
func (a *application) openInside() (err error) {
	if a.oncall == nil {
		return nil
	}
	if a.inside, err = new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0"); err != nil {
		return fmt.Errorf("listening on loopback for on-call: %w", err)
	}
	a.rooms.onStop("inner door", func() error {
		_ = a.inside.Close() // its server closed it, unless the start failed
		return nil
	})
	return nil
}

// startInside serves the inner door; the token is asked for as outside.
func (a *application) startInside() {
	if a.inside == nil {
		return
	}
	mux := http.NewServeMux()
	mux.Handle("POST "+webhookPath, a.oncall.handler)
	srv := webServer(mux, a.log)
	a.rooms.run("inner door", func(ctx context.Context) error {
		done := make(chan error, 1)
		go func() { done <- srv.Serve(a.inside) }()
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
		}
		err := bounded(5*time.Second, srv.Shutdown)()
		<-done
		return err
	})
}

// routes is every address that we answer.
func (a *application) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", a.wall)
	mux.Handle("GET /metrics", a.exporter.Handler())
	mux.HandleFunc("GET /probe", func(w http.ResponseWriter, r *http.Request) { (*a.probe.Load()).ServeHTTP(w, r) })
	mux.Handle("/api/v1/", a.prometheusAPI())
	mux.Handle("GET /evidence/", http.StripPrefix("/evidence/", a.evidence.Handler()))
	mux.Handle("GET "+rules.RunbookPrefix, a.runbooks)
	mux.Handle(engine.APIPrefix+"/", a.changesState(auth.Act, a.engine.APIHandler()))
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "watchpost is alive\n") })
	mux.HandleFunc("GET /-/ready", func(w http.ResponseWriter, _ *http.Request) {
		if !a.ready.Load() {
			plain(w, http.StatusServiceUnavailable, "watchpost is starting\n")
			return
		}
		plain(w, http.StatusOK, "watchpost is ready\n")
	})
	mux.Handle("POST /-/reload", a.changesState(auth.Admin, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if err := a.reload(); err != nil {
			plain(w, http.StatusBadRequest, err.Error()+"\n")
			return
		}
		plain(w, http.StatusOK, "reloaded\n")
	})))
	if a.oncall != nil {
		a.oncall.route(mux)
	}
	return mux
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // the asker may be gone
}

func (a *application) prometheusAPI() http.Handler {
	ext, err := url.Parse(a.o.external)
	if err != nil { // openEngine parsed the same before
		ext = &url.URL{}
	}
	return a.history.API(history.APIOptions{
		Rules: a.engine.RulesRetriever(), Version: version, Revision: revision(), ExternalURL: ext,
		Reload: func() (bool, time.Time) { r := a.reloadStats(); return r.OK, r.SuccessAt },
	})
}

// changesState lets requests that only read through, and others only from a
// user of the users file with the role, and never from another site's page.
func (a *application) changesState(need auth.Role, next http.Handler) http.Handler {
	var csrf http.CrossOriginProtection
	guarded := csrf.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.users == nil {
			plain(w, http.StatusForbidden, "this changes state and nobody may sign in: name a users file with oncall.users in watchpost.yaml\n")
			return
		}
		u, ok := a.users.Request(r)
		if !ok {
			w.Header().Set("WWW-Authenticate", `Basic realm="watchpost", charset="UTF-8"`)
			plain(w, http.StatusUnauthorized, "sign in with a user of the users file\n")
			return
		}
		if !u.Role.May(need) {
			plain(w, http.StatusForbidden, "the role "+string(u.Role)+" may not do this; it needs "+string(need)+"\n")
			return
		}
		next.ServeHTTP(w, r)
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions {
			next.ServeHTTP(w, r)
			return
		}
		guarded.ServeHTTP(w, r)
	})
}
