package tongue

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var verbs = regexp.MustCompile(`%(\[\d\])?[a-z]`)

func TestBothLanguagesSayTheSame(t *testing.T) {
	for key, vi := range vietnamese {
		en, ok := english[key]
		if !ok || en == "" || vi == "" {
			t.Errorf("%s: Vietnamese %q, English %q", key, vi, en)
		}
		if a, b := verbs.FindAllString(vi, -1), verbs.FindAllString(en, -1); !slices.Equal(a, b) {
			t.Errorf("%s takes %v in Vietnamese and %v in English", key, a, b)
		}
		if key != "frame.other" && strings.ContainsAny(en, "ăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ") {
			t.Errorf("%s: the English text %q is Vietnamese", key, en)
		}
	}
	for key := range english {
		if _, ok := vietnamese[key]; !ok {
			t.Errorf("%s is in English only", key)
		}
	}
}

// Every key that pages and code ask for is there, and none is left over.
func TestEveryKeyIsUsedAndThere(t *testing.T) {
	files, err := filepath.Glob("../pages/*.html")
	if err != nil || len(files) < 8 {
		t.Fatalf("%v, %v", files, err)
	}
	more, err := filepath.Glob("../*.go")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range append(files, more...) {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	said := regexp.MustCompile(`say "([a-z.]+)"|"((?:status|severity|ack|login|error|ill)\.[a-z.]+)"`)
	for _, m := range said.FindAllStringSubmatch(all.String(), -1) {
		key := m[1] + m[2]
		if _, ok := vietnamese[key]; !ok && !strings.HasSuffix(key, ".") && !strings.HasSuffix(key, ".html") {
			t.Errorf("%q is asked for and not there", key)
		}
	}
	for key := range vietnamese {
		group, _, _ := strings.Cut(key, ".")
		if !strings.Contains(all.String(), `"`+key+`"`) && !strings.Contains(all.String(), `"`+group+`."`) {
			t.Errorf("%q is there and nobody asks for it", key)
		}
	}
}

func TestChoose(t *testing.T) {
	for _, tt := range []struct{ url, cookie, own, accept, want string }{
		{"/", "", "", "", "vi"},
		{"/", "", "", "en-US,en;q=0.9", "en"},
		{"/", "", "", "en-US,en;q=0.9,vi;q=0.8", "vi"},
		{"/", "", "", "fr", "vi"},
		{"/", "", "vi", "en", "vi"},
		{"/", "", "en", "vi", "en"},
		{"/", "en", "vi", "vi", "en"},
		{"/?lang=vi", "en", "en", "en", "vi"},
		{"/?lang=xx", "xx", "xx", "en;q=0.1", "en"},
		{"/", "", "", strings.Repeat("a,", 10000) + "en", "en"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, tt.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Language", tt.accept)
		if tt.cookie != "" {
			r.AddCookie(&http.Cookie{Name: Cookie, Value: tt.cookie})
		}
		if got := Choose(r, tt.own); got != tt.want {
			t.Errorf("%+v: %s", tt, got)
		}
		if c := Pressed(r); (c != nil) != (tt.url == "/?lang=vi") {
			t.Errorf("%+v: cookie %v", tt, c)
		}
	}
}

func TestSay(t *testing.T) {
	for _, tt := range []struct {
		key  string
		args []any
		want string
	}{
		{"roster.hotline", []any{"a", "b", "c"}, english["roster.hotline"]},
		{"roster.gap", []any{"a", "b", "c"}, "Nobody is on duty from b to c: add a shift."},
		{"list.gap", []any{"x"}, "Nobody is on duty from x."},
		{"no.such.key", nil, "no.such.key"},
	} {
		if got := Say(English, tt.key, tt.args...); got != tt.want {
			t.Errorf("%s: %q", tt.key, got)
		}
	}
}
