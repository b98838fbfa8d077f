// Package secret reads passwords and tokens of channels from files at the time
// they are used, so that they can be changed without a restart, and keeps them
// out of every text that people see.
package secret

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
)

// maxSize bounds a secret file, in bytes.
const maxSize = 16 << 10

// Read gives the file's content without surrounding white space. The error
// names the file, never its content.
func Read(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("reading a secret: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	b, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return "", fmt.Errorf("reading the secret in %s: %w", path, err)
	}
	s := strings.TrimSpace(string(b))
	if s == "" || len(b) > maxSize {
		return "", fmt.Errorf("the secret in %s is empty or over %d bytes", path, maxSize)
	}
	return s, nil
}

// Problem says in words what is wrong with a secret file now; "" = nothing.
func Problem(path string) string {
	if _, err := Read(path); err != nil {
		return err.Error()
	}
	return ""
}

// Hide takes every one of secrets out of text, in the spellings in which a next
// hop may quote it back: as it is, escaped for a URL or JSON, in base64. Do it
// before text is cut, or half a secret is left.
func Hide(text string, secrets ...string) string {
	var all []string
	for _, s := range secrets {
		if len(s) >= 4 {
			all = append(all, forms(s)...)
		}
	}
	// The longest first: one may hold another.
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	for _, s := range all {
		text = strings.ReplaceAll(text, s, "(secret)")
	}
	return text
}

func forms(s string) []string {
	out := []string{s, url.QueryEscape(s), url.PathEscape(s), strings.ToLower(url.QueryEscape(s))}
	if b, err := json.Marshal(s); err == nil {
		out = append(out, strings.Trim(string(b), `"`))
	}
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding} {
		out = append(out, e.EncodeToString([]byte(s)))
	}
	quoted := strconv.Quote(s)
	ascii := strconv.QuoteToASCII(s)
	return append(out, quoted[1:len(quoted)-1], ascii[1:len(ascii)-1])
}
