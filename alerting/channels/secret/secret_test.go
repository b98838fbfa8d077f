package secret

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestHide(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"plain-t0ken", `a"b\\c&d=e+f/g h<é>`, "abcd"} {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{
			"as it is": s, "query": url.QueryEscape(s), "path": url.PathEscape(s), "small letters": strings.ToLower(url.QueryEscape(s)),
			"JSON": string(b), "base64": base64.StdEncoding.EncodeToString([]byte(s)), "base64 of URLs": base64.RawURLEncoding.EncodeToString([]byte(s)),
			"quoted": strconv.Quote(s), "quoted in ASCII": strconv.QuoteToASCII(s),
		} {
			bare := strings.Trim(text, `"`)
			if got := Hide("before "+text+" after", s); strings.Contains(got, bare) || !strings.HasPrefix(got, "before ") || !strings.HasSuffix(got, " after") {
				t.Errorf("%s of %q: %q", name, s, got)
			}
		}
	}
	if got := Hide("one-two and one", "one", "one-", "one-two"); got != "(secret) and one" {
		t.Errorf("got %q: the longest goes first, what is shorter than four is no secret", got)
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, row := range map[string]struct {
		content string
		want    string // "" = an error
	}{
		"with line end": {"pass word\r\n", "pass word"}, "empty": {" \n", ""}, "too long": {strings.Repeat("x", maxSize+1), ""}, "longest": {strings.Repeat("x", maxSize), strings.Repeat("x", maxSize)},
	} {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(row.content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := Read(p)
		if got != row.want || (err == nil) != (row.want != "") || err != nil && strings.Contains(err.Error(), "xxxx") {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if (Problem(p) == "") != (row.want != "") {
			t.Errorf("%s: problem %q", name, Problem(p))
		}
	}
	if _, err := Read(filepath.Join(dir, "none")); err == nil {
		t.Error("a file that is not there was read")
	}
}
