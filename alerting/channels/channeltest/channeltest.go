// Package channeltest is the conformance table that every channel passes: back
// by the deadline whatever the next hop does, errors that say whether a retry
// helps, and no secret in any text.
package channeltest

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"watchpost.example/alerting"
)

// Secret is what the tests put into secret files and look for in texts.
const Secret = "s3cr3t-t0ken-9f2c"

// SecretFile writes Secret to a file.
func SecretFile(tb testing.TB) string {
	tb.Helper()
	p := filepath.Join(tb.TempDir(), "token")
	if err := os.WriteFile(p, []byte(Secret+"\n"), 0o600); err != nil {
		tb.Fatal(err)
	}
	return p
}

// Page is a page with every field set.
func Page() alerting.Page {
	return alerting.Page{
		ID: "01J-page", Incident: "42", Kind: "alert", Severity: alerting.Critical,
		Subject: "Mat ket noi: don-vi-a/portal", Text: "Cổng thông tin mất kết nối từ 02:10.",
		Short:  "NGHIEM TRONG don-vi-a/portal mat ket noi tu 02:10. Tra loi A 7421",
		Speech: "Cảnh báo nghiêm trọng.", Language: "vi", Code: "7421",
		AckURL: "https://watchpost.example/ack/one-time", Created: time.Unix(1_700_000_000, 0),
	}
}

// HTTP is what an HTTP channel's test gives: how to make it for a server, and
// the answer of that server when it accepts.
type HTTP struct {
	Make    func(t *testing.T, url string) alerting.Channel
	Address string
	Accept  http.HandlerFunc
	// Refuse, when set, is a 2xx answer that means no; RefuseTemporary says that
	// a retry may mend it.
	Refuse          http.HandlerFunc
	RefuseTemporary bool
}

// Run plays every row of the table.
func (h HTTP) Run(t *testing.T) {
	t.Helper()
	status := func(code int) http.HandlerFunc {
		// The answer quotes the credentials back, as careless gateways do.
		return func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(code)
			_, _ = io.WriteString(w, "no: "+r.URL.String()+" "+r.Header.Get("Authorization")) // the asker may be gone
		}
	}
	rows := []struct {
		name      string
		handler   http.HandlerFunc
		ok        bool
		temporary bool
	}{
		{"accepted", h.Accept, true, false},
		{"500", status(500), false, true},
		{"503", status(503), false, true},
		{"429", status(429), false, true},
		{"401", status(401), false, false},
		{"404", status(404), false, false},
		{"redirect to a stranger", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		}, false, false},
		{"closes at once", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, false, true},
	}
	if h.Refuse != nil {
		rows = append(rows, struct {
			name      string
			handler   http.HandlerFunc
			ok        bool
			temporary bool
		}{"200 that means no", h.Refuse, false, h.RefuseTemporary})
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(row.handler)
			t.Cleanup(srv.Close)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			receipt, err := h.Make(t, srv.URL).Send(ctx, h.Address, Page())
			checkErr(t, err, row.ok, row.temporary)
			if row.ok && (receipt.Page != Page().ID || receipt.Status != alerting.Accepted || receipt.At.IsZero()) {
				t.Errorf("got receipt %+v", receipt)
			}
		})
	}
	t.Run("silent", func(t *testing.T) { t.Parallel(); h.silent(t) })
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		_, err := h.Make(t, "http://127.0.0.1:1").Send(t.Context(), h.Address, Page())
		checkErr(t, err, false, true)
	})
}

func checkErr(t *testing.T, err error, ok, temporary bool) {
	t.Helper()
	if (err == nil) != ok {
		t.Fatalf("got error %v, want ok %v", err, ok)
	}
	if err == nil {
		return
	}
	if alerting.Temporary(err) != temporary {
		t.Errorf("temporary is %v for: %v", !temporary, err)
	}
	if strings.Contains(err.Error(), Secret) {
		t.Errorf("the error shows the secret: %v", err)
	}
}

// silent is a server that accepts and says nothing.
func (h HTTP) silent(t *testing.T) {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() }) // the test is over
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err = h.Make(t, "http://"+l.Addr().String()).Send(ctx, h.Address, Page())
	checkErr(t, err, false, true)
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("came back after %v, the deadline was 300 ms", took)
	}
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Errorf("came back before the deadline: %v", err)
	}
}
