package dashboards

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/grafana-tools/sdk"
)

// Target is the Grafana to publish to.
type Target struct {
	URL string // http://grafana.example:3000, with the path it is served under
	// Token is a service account's token, or user:password. Use a token.
	Token       string
	FolderUID   string       // "" = "watchpost"
	FolderTitle string       // of the folder when it must be made; "" = "watchpost"
	Client      *http.Client // its transport and timeout are kept; nil = 30 s
}

// Published is what became of one dashboard.
type Published struct {
	UID, URL string
	Version  int
}

// Publish makes the folder when it is missing and saves every dashboard into
// it, over an older version. It reads each back, because Grafana may save into
// another folder without a word. The first error ends it; what was saved
// before is in the result.
func Publish(ctx context.Context, t Target) ([]Published, error) {
	if t.FolderUID == "" {
		t.FolderUID = "watchpost"
	}
	if t.FolderTitle == "" {
		t.FolderTitle = "watchpost"
	}
	c, err := client(t)
	if err != nil {
		return nil, err
	}
	if err := folder(ctx, c, t); err != nil {
		return nil, err
	}
	all, err := All()
	if err != nil {
		return nil, err
	}
	var done []Published
	for _, d := range all {
		// The sdk's own FolderID is ignored by Grafana 13 and later; the transport
		// puts folderUid in its place.
		msg, err := c.SetRawDashboardWithParam(withFolder(ctx, t.FolderUID), sdk.RawBoardRequest{
			Dashboard: d.JSON, Parameters: sdk.SetDashboardParams{Overwrite: true},
		})
		if err != nil {
			return done, fmt.Errorf("saving dashboard %s: %w", d.UID, err)
		}
		if err := readBack(ctx, c, d, t.FolderUID); err != nil {
			return done, err
		}
		p := Published{UID: d.UID}
		if msg.URL != nil {
			p.URL = *msg.URL
		}
		if msg.Version != nil {
			p.Version = *msg.Version
		}
		done = append(done, p)
	}
	return done, nil
}

func client(t Target) (*sdk.Client, error) {
	u, err := url.Parse(t.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%q is not the address of a Grafana such as https://grafana.example/", t.URL)
	}
	if u.User != nil {
		return nil, errors.New("the address of Grafana holds a password; give it as the token")
	}
	h := &http.Client{Timeout: 30 * time.Second}
	if t.Client != nil {
		c := *t.Client
		h = &c
	}
	h.Transport = &transport{next: h.Transport}
	c, err := sdk.NewClient(strings.TrimSuffix(t.URL, "/"), t.Token, h)
	if err != nil {
		return nil, fmt.Errorf("grafana client: %w", err)
	}
	return c, nil
}

func folder(ctx context.Context, c *sdk.Client, t Target) error {
	_, err := c.GetFolderByUID(ctx, t.FolderUID)
	var status *StatusError
	if err == nil || !errors.As(err, &status) || status.Code != http.StatusNotFound {
		if err != nil {
			return fmt.Errorf("looking for folder %s: %w", t.FolderUID, err)
		}
		return nil
	}
	if _, err := c.CreateFolder(ctx, sdk.Folder{UID: t.FolderUID, Title: t.FolderTitle}); err != nil {
		return fmt.Errorf("making folder %s: %w", t.FolderUID, err)
	}
	return nil
}

// readBack compares what Grafana holds with what was sent: the number of
// panels and the folder.
func readBack(ctx context.Context, c *sdk.Client, d Dashboard, folderUID string) error {
	got := &capture{}
	raw, _, err := c.GetRawDashboardByUID(context.WithValue(ctx, captureKey{}, got), d.UID)
	if err != nil {
		return fmt.Errorf("reading dashboard %s back: %w", d.UID, err)
	}
	type panels struct {
		Panels []json.RawMessage `json:"panels"`
	}
	var sent, held panels
	if err := json.Unmarshal(d.JSON, &sent); err != nil {
		return fmt.Errorf("dashboard %s: %w", d.UID, err)
	}
	if err := json.Unmarshal(raw, &held); err != nil {
		return fmt.Errorf("reading dashboard %s back: %w", d.UID, err)
	}
	if len(sent.Panels) != len(held.Panels) {
		return fmt.Errorf("dashboard %s: sent %d panels, Grafana holds %d", d.UID, len(sent.Panels), len(held.Panels))
	}
	var meta struct {
		Meta struct {
			FolderUID string `json:"folderUid"`
		} `json:"meta"`
	}
	if err := json.Unmarshal(got.body, &meta); err != nil {
		return fmt.Errorf("reading dashboard %s back: %w", d.UID, err)
	}
	if meta.Meta.FolderUID != folderUID {
		return fmt.Errorf("dashboard %s: Grafana put it into folder %q, not %q", d.UID, meta.Meta.FolderUID, folderUID)
	}
	return nil
}

// StatusError is an answer of 400 or above. The sdk loses the status of many
// calls, so the transport makes it an error before the sdk sees it.
type StatusError struct {
	Code    int
	Message string // Grafana's own words, at most 300 bytes
}

// Error says the status, Grafana's words and, where it is known, the cure.
func (e *StatusError) Error() string {
	s := fmt.Sprintf("grafana answered %d %s", e.Code, http.StatusText(e.Code))
	if e.Message != "" {
		s += fmt.Sprintf(": %q", e.Message)
	}
	switch e.Code {
	case http.StatusUnauthorized:
		s += "; the token is wrong or was withdrawn"
	case http.StatusForbidden:
		s += "; the service account needs the role Editor"
	}
	return s
}

type (
	folderKey  struct{}
	captureKey struct{}
	capture    struct{ body []byte }
)

func withFolder(ctx context.Context, uid string) context.Context {
	return context.WithValue(ctx, folderKey{}, uid)
}

// transport mends what the sdk, which was made for Grafana 6, can't do: it
// replaces folderId by folderUid and turns bad statuses into errors.
type transport struct{ next http.RoundTripper }

// maxAnswer bounds what is read of an answer.
const maxAnswer = 16 << 20

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if uid, ok := r.Context().Value(folderKey{}).(string); ok && r.Method == http.MethodPost {
		var err error
		if r, err = inFolder(r, uid); err != nil {
			return nil, err
		}
	}
	next := t.next
	if next == nil {
		next = http.DefaultTransport
	}
	resp, err := next.RoundTrip(r)
	if err != nil {
		return nil, err // http.Client wraps it with method and address
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	_ = resp.Body.Close() // it was read to the end or the error is reported
	if err != nil {
		return nil, fmt.Errorf("reading Grafana's answer: %w", err)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		var m struct {
			Message string `json:"message"`
		}
		_ = json.Unmarshal(body, &m) // an answer that is not JSON has no message
		return nil, &StatusError{Code: resp.StatusCode, Message: m.Message[:min(len(m.Message), 300)]}
	}
	if c, ok := r.Context().Value(captureKey{}).(*capture); ok {
		c.body = body
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// inFolder gives a copy of the request with folderUid in its body.
func inFolder(r *http.Request, uid string) (*http.Request, error) {
	var m map[string]any
	err := json.NewDecoder(r.Body).Decode(&m)
	_ = r.Body.Close() // the copy has its own
	if err != nil {
		return nil, fmt.Errorf("the request to Grafana: %w", err)
	}
	// The sdk writes its own spelling, which only a lenient reader understands.
	delete(m, "FolderID")
	delete(m, "Overwrite")
	m["overwrite"], m["folderUid"] = true, uid
	b, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("the request to Grafana: %w", err)
	}
	r = r.Clone(r.Context())
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
	return r, nil
}
