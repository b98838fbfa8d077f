package lab

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"watchpost.example/probes"
	"watchpost.example/probes/probetest"
)

// page is what healthy sites show.
const page = `<!doctype html><html lang="vi"><meta charset="utf-8"><title>%[1]s</title><h1>%[1]s</h1><p>Trang thử nghiệm của watchpost.</p></html>`

func showing(title string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, page, title) // a client that went away is none of ours
	})
}

// web serves h on ln, over TLS when there is a leaf.
func (l *Lab) web(ln net.Listener, h http.Handler, leaf *probetest.Leaf) *http.Server {
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: log.New(io.Discard, "", 0), // broken handshakes are the purpose here
	}
	if leaf != nil {
		ln = tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}, MinVersion: tls.VersionTLS12})
	}
	go func() { _ = srv.Serve(ln) }() // gives ErrServerClosed at the end
	l.closers = append(l.closers, srv)
	return srv
}

// site is a system behind one listener with a name in the zone.
func (l *Lab) site(ctx context.Context, host string, h http.Handler, leaf *probetest.Leaf) (url string, err error) {
	ls, err := l.listen(ctx, 1)
	if err != nil {
		return "", err
	}
	l.web(ls[0], h, leaf)
	l.zone.add(host, addrPort(ls[0]).Addr())
	scheme := "http"
	if leaf != nil {
		scheme = "https"
	}
	return fmt.Sprintf("%s://%s.%s:%d/", scheme, host, Zone, portOf(ls[0])), nil
}

// portal has two addresses, the second of which breaks after a while.
func (l *Lab) portal(ctx context.Context) error {
	leaf, err := l.ca.Issue(probetest.Spec{Names: []string{"cong." + Zone}})
	if err != nil {
		return err
	}
	ls, err := l.listen(ctx, 2)
	if err != nil {
		return err
	}
	h := showing("Cổng thông tin điện tử")
	l.web(ls[0], h, &leaf)
	second := l.web(ls[1], h, &leaf)
	l.zone.add("cong", addrPort(ls[0]).Addr(), addrPort(ls[1]).Addr())
	l.anchors = append(l.anchors, ls[0].Addr().String())
	l.broken = time.AfterFunc(l.after, func() {
		l.log.Info("the portal's second address breaks now", "address", ls[1].Addr().String())
		_ = second.Close() // from here the port refuses
	})
	changing := []Expectation{
		{Verdict: probes.Up, Until: l.after, Why: "both addresses answer"},
		{Verdict: probes.Degraded, Reason: probes.PartlyDown, From: l.after, Why: "the second address refuses, the first still answers"},
	}
	l.systems = append(l.systems, system{
		unit: unitHealth, id: "cong", name: "Cổng thông tin điện tử", level: 3,
		url: fmt.Sprintf("https://cong.%s:%d/", Zone, portOf(ls[0])), profile: "web",
		checks: []check{
			{id: "http", settings: `expect: {body: "Cổng thông tin"}`, expect: changing},
			{id: "tls", expect: changing},
		},
	})
	return nil
}

// certificates are the sites whose certificate is the trouble.
func (l *Lab) certificates(ctx context.Context) error {
	now := time.Now()
	for _, c := range []struct {
		unit, id, name string
		level          int
		spec           probetest.Spec
		verdict        probes.Verdict
		reason         probes.Reason
		why            string
	}{
		{unitHealth, "tra-cuu", "Tra cứu hồ sơ khám chữa bệnh", 3, probetest.Spec{NotBefore: now.AddDate(0, -4, 0), NotAfter: now.AddDate(0, 0, -3)}, probes.Down, probes.TLSExpired, "the certificate ended three days ago"},
		{unitSchool, "tuyen-sinh", "Tuyển sinh trực tuyến", 2, probetest.Spec{Names: []string{"may-chu-khac." + Zone}}, probes.Down, probes.TLSHost, "the certificate is another server's"},
		{unitSchool, "hoc-lieu", "Kho học liệu số", 2, probetest.Spec{WithoutIntermediate: true}, probes.Degraded, probes.TLSChain, "the intermediate certificate is not presented; some browsers fetch it, most programs do not"},
	} {
		if c.spec.Names == nil {
			c.spec.Names = []string{c.id + "." + Zone}
		}
		leaf, err := l.ca.Issue(c.spec)
		if err != nil {
			return err
		}
		url, err := l.site(ctx, c.id, showing(c.name), &leaf)
		if err != nil {
			return err
		}
		bad := []Expectation{{Verdict: c.verdict, Reason: c.reason, Why: c.why}}
		l.systems = append(l.systems, system{
			unit: c.unit, id: c.id, name: c.name, level: c.level, url: url, profile: "web",
			checks: []check{{id: "http", expect: bad}, {id: "tls", expect: bad}},
		})
	}
	return nil
}

// failing answers every request with status 500.
func (l *Lab) failing(ctx context.Context) error {
	url, err := l.site(ctx, "dich-vu-cong", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "Lỗi kết nối cơ sở dữ liệu", http.StatusInternalServerError)
	}), nil)
	l.systems = append(l.systems, system{
		unit: unitTown, id: "dich-vu-cong", name: "Dịch vụ công trực tuyến", level: 3, url: url, profile: "web",
		checks: []check{{id: "http", expect: []Expectation{{Verdict: probes.Down, Reason: probes.HTTPStatus, Why: "every page answers 500"}}}},
	})
	return err
}

// slow answers rightly after more than its check allows.
func (l *Lab) slow(ctx context.Context) error {
	h := showing("Một cửa điện tử")
	url, err := l.site(ctx, "mot-cua", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(900 * time.Millisecond):
			h.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	}), nil)
	l.systems = append(l.systems, system{
		unit: unitTown, id: "mot-cua", name: "Một cửa điện tử", level: 2, url: url, profile: "web",
		checks: []check{{
			id: "http", settings: "slow: 500ms",
			expect: []Expectation{{Verdict: probes.Degraded, Reason: probes.HTTPSlow, Why: "the page takes 0.9 s, 0.5 s are allowed"}},
		}},
	})
	return err
}
