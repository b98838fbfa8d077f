package source

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"watchpost.example/probes"
)

type regex struct{ *regexp.Regexp }

func (r *regex) UnmarshalText(b []byte) (err error) {
	r.Regexp, err = regexp.Compile(string(b))
	return err
}

type settings struct {
	URL     string          `yaml:"url"`
	Timeout probes.Duration `yaml:"timeout"`
	Expect  struct {
		Status []int `yaml:"status"`
		Body   regex `yaml:"body"`
	} `yaml:"expect"`
	Port uint16 `yaml:"port"`
}

type all struct {
	settings `yaml:",inline"`
	Name     string            `yaml:"name"`
	On       bool              `yaml:"on"`
	Level    int               `yaml:"level"`
	Ratio    float64           `yaml:"ratio"`
	Wait     time.Duration     `yaml:"wait"`
	Labels   map[string]string `yaml:"labels"`
	Net      netip.Prefix      `yaml:"net"`
	From     time.Time         `yaml:"from"`
	Any      any               `yaml:"any"`
	Sub      *settings         `yaml:"sub"`
	Later    Value             `yaml:"later"`
}

// mistakes is text in, messages out: the messages are the product.
func TestMistakes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"unknown key":            {"namee: x", `f.yaml:1:1: unknown key "namee"; did you mean "name"?`},
		"unknown key, none near": {"sub:\n  colour: red", `f.yaml:2:3: unknown key "colour" in sub; known: expect, port, timeout, url`},
		"nested unknown":         {"expect: {stauts: [200]}", `f.yaml:1:10: unknown key "stauts" in expect; did you mean "status"?`},
		"hyphen for underscore":  {"time-out: 5s", `f.yaml:1:1: unknown key "time-out"; did you mean "timeout"?`},
		"duration without unit":  {"timeout: 5", `f.yaml:1:10: timeout "5" has no unit; write 5s for seconds`},
		"duration, fraction":     {"wait: 0.5", `f.yaml:1:7: wait "0.5" has no unit; write 0.5s for seconds`},
		"duration with space":    {"timeout: 5 s", `f.yaml:1:10: timeout "5 s" is not a duration; write 5s`},
		"duration in words":      {"wait: five seconds", `f.yaml:1:7: wait "five seconds" is not a duration such as 5s, 1m30s or 2h`},
		"regexp":                 {"expect:\n  body: 'ok('", `f.yaml:2:9: expect.body "ok(" is not a regular expression: missing closing ) at "ok("`},
		"list item":              {"expect:\n  status: [200, abc]", `f.yaml:2:17: expect.status[1] "abc" is not a whole number`},
		"scalar for list":        {"expect:\n  status: 200", `f.yaml:2:11: expect.status is the value "200", expected a list: write [200]`},
		"list for mapping":       {"expect: [1]", `f.yaml:1:9: expect is a list, expected a mapping (key: value)`},
		"mapping for scalar":     {"name: {a: b}", `f.yaml:1:7: name is a mapping, expected a single value`},
		"root is a list":         {"- a", `f.yaml:1:1: is a list, expected a mapping (key: value)`},
		"bool":                   {"on: yes", `f.yaml:1:5: on "yes" is not true or false; did you mean true?`},
		"bool quoted":            {`on: "true"`, `f.yaml:1:5: on "true" is not true or false; write it without quotes`},
		"number":                 {"level: three", `f.yaml:1:8: level "three" is not a whole number`},
		"number quoted":          {`level: "3"`, `f.yaml:1:8: level "3" is not a whole number`},
		"port too big":           {"port: 70000", `f.yaml:1:7: port "70000" is out of range: 0 to 65535`},
		"port below zero":        {"port: -1", `f.yaml:1:7: port "-1" is out of range: 0 to 65535`},
		"huge":                   {"level: 99999999999999999999", `f.yaml:1:8: level "99999999999999999999" is out of range: at most 9223372036854775807`},
		"float":                  {"ratio: .nan", `f.yaml:1:8: ratio ".nan" is not a number such as 2.5`},
		"range":                  {"net: 10.0.0.0/33", `f.yaml:1:6: net "10.0.0.0/33" is not a range such as 192.0.2.0/24 or 2001:db8::/32`},
		"moment":                 {"from: tomorrow", `f.yaml:1:7: from "tomorrow" is not a moment such as 2026-09-02T17:00:00+07:00`},
		"twice":                  {"name: a\nlevel: 2\nname: b", `f.yaml:3:1: key "name" stands twice, first in line 1; keep one`},
		"key no text":            {"? [a]\n: b", `f.yaml:1:3: a key must be a plain word, not a list`},
		"strange tag":            {"name: !secret x", `f.yaml:1:7: the tag "!secret" is not used here; remove it`},
		"characters, not bytes":  {"labels: {thế giới: {a: b}}", `f.yaml:1:20: labels.thế giới is a mapping, expected a single value`},
		"indentation":            {"expect:\n    status: [200]\n   body: x", `f.yaml:3:4: the indentation does not fit the lines above; keys of one mapping begin in one column (parsing a block mapping from line 1 on)`},
		"colon in text":          {"name: a: b", `f.yaml:1:8: unexpected ":"; put the text in quotes if it contains ": ", and check the indentation`},
		"tab":                    {"expect:\n\tstatus: [200]", `f.yaml:2:1: this character cannot begin a value: indent with spaces, not tabs, and put a text that begins with @, ` + "`" + ` or % in quotes`},
		"open bracket":           {"name: [a\nlevel: 2", `f.yaml:2:6: the list that begins with "[" is not closed with "]" (parsing a flow sequence from line 1 on)`},
		"open quote":             {"name: 'a", `f.yaml:1:9: a quoted text is not closed before the end of the file`},
		"star":                   {"name: *", `f.yaml:1:8: put a text that begins with "*" or "&" in quotes`},
		"alias without anchor":   {"name: *x", `f.yaml:1:7: the alias *x has no anchor &x above it; put a text that begins with "*" in quotes`},
		"alias in itself":        {"labels: &x\n  a: *x", `f.yaml:2:6: the alias *x contains itself`},
		"two documents":          {"name: a\n---\nname: b", `f.yaml:2:1: a second document begins here; keep one document a file (remove the --- line or split the file)`},
		"latin-1":                {"name: so\nlabels: {a: \xe9}", `f.yaml:2:13: byte 0xe9 is not UTF-8 text; save the file as UTF-8`},
		"control":                {"name: a\x07", `f.yaml:1:8: control character 0x07 is not allowed here`},
		"utf-16":                 {"\xff\xfen\x00", `f.yaml: is UTF-16 text; save it as UTF-8`},
		"a spreadsheet":          {"PK\x03\x04...", `f.yaml: this is a spreadsheet or zip file, not YAML; turn it into inventory with: watchpost import f.yaml`},
		"five at once": {"namee: x\nlevel: three\ntimeout: 5\non: maybe\nexpect: {status: 1}", `f.yaml:1:1: unknown key "namee"; did you mean "name"?
f.yaml:2:8: level "three" is not a whole number
f.yaml:3:10: timeout "5" has no unit; write 5s for seconds
f.yaml:4:5: on "maybe" is not true or false
f.yaml:5:18: expect.status is the value "1", expected a list: write [1]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc, problems := Parse("f.yaml", []byte(c.in))
			if doc != nil {
				problems = Join(problems, doc.Decode(&all{}))
			}
			if got := problems.Error(); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestDecodeTakesWhatIsRight(t *testing.T) {
	t.Parallel()
	doc, problems := Parse("f.yaml", []byte(`
base: &base {url: "https://portal.example/", timeout: 9s}
name: 0900 000 001
on: true
level: -3
ratio: 2
wait: 2d
labels: {a: 1, b: hai}
net: 192.0.2.0/24
from: 2026-09-02T17:00:00+07:00
any: {x: [1, 2.5, true, null, z]}
expect:
timeout: 1m30s
sub:
  <<: *base
  timeout: 7s
later: {kind: x, url: y}
`))
	var got struct {
		all  `yaml:",inline"`
		Base settings `yaml:"base"`
	}
	got.Expect.Status = []int{200}
	if problems = append(problems, doc.Decode(&got)...); problems != nil {
		t.Fatal(problems)
	}
	if got.Name != "0900 000 001" || !got.On || got.Level != -3 || got.Ratio != 2 || got.Wait != 48*time.Hour || got.Labels["b"] != "hai" || got.Labels["a"] != "1" ||
		got.Net.Bits() != 24 || got.From.Hour() != 17 || got.Timeout.D() != 90*time.Second {
		t.Errorf("got %+v", got)
	}
	if len(got.Expect.Status) != 1 {
		t.Error(`"expect:" with nothing behind it must leave the default`)
	}
	if got.Sub.URL != "https://portal.example/" || got.Sub.Timeout.D() != 7*time.Second || got.Base.Timeout.D() != 9*time.Second {
		t.Errorf("merge: got %+v", got.Sub)
	}
	if m, ok := got.Any.(map[string]any); !ok || len(m["x"].([]any)) != 5 {
		t.Errorf("any: got %#v", got.Any)
	}
	if doc.Has("expect") || !doc.Has("later", "kind") || got.Later.Get("kind").Text() != "x" {
		t.Error("Has or Get")
	}
}

// The kind first, its settings later: still strict, still with positions, and
// a mistyped key of the outer mapping is recognised too.
func TestInlineValueIsDecodedLater(t *testing.T) {
	t.Parallel()
	doc, problems := Parse("f.yaml", []byte("checks:\n  - kind: web\n    intervall: 5s\n    ulr: x\n    timeout: 5\n    expect:\n      stattus: [200]\n"))
	var f struct {
		Checks []struct {
			Kind     string          `yaml:"kind"`
			Interval probes.Duration `yaml:"interval"`
			Settings Value           `yaml:",inline"`
		} `yaml:"checks"`
	}
	if problems = append(problems, doc.Decode(&f)...); problems != nil {
		t.Fatal(problems)
	}
	v := f.Checks[0].Settings
	var s settings
	got := Join(v.Decode(&s)).For("a/b/c").Error()
	want := `f.yaml:3:5: a/b/c: unknown key "intervall"; did you mean "interval"?
f.yaml:4:5: a/b/c: unknown key "ulr"; did you mean "url"?
f.yaml:5:14: a/b/c: timeout "5" has no unit; write 5s for seconds
f.yaml:7:7: a/b/c: unknown key "stattus" in expect; did you mean "status"?`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if !v.Mistyped() || !v.Bad("timeout") || !v.Tainted() || v.Tainted("expect") || !v.Get("expect").Mistyped() {
		t.Error("what was reported must be known, so that no noise follows")
	}
	if p := v.At("expect", "status"); p.Line != 6 || p.Column != 5 {
		t.Errorf("missing key: got %v, want the place of expect", p)
	}
	if p := doc.At("checks", 0, "kind"); p.String() != "f.yaml:2:11" {
		t.Errorf("got %v", p)
	}
	if p := doc.KeyAt("checks", 0, "kind"); p.String() != "f.yaml:2:5" {
		t.Errorf("got %v", p)
	}
	if p := doc.At(Path("checks[7].kind")...); p.String() != "f.yaml:1:1" {
		t.Errorf("got %v, want the place of checks", p)
	}
}

func TestBombsAreRefused(t *testing.T) {
	t.Parallel()
	var laughs strings.Builder
	laughs.WriteString("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n")
	for i := range 20 {
		p, n := string(rune('a'+i)), string(rune('b'+i))
		ref := "*" + p + "0"
		laughs.WriteString(n + "0: &" + n + "0 [" + strings.Repeat(ref+", ", 9) + ref + "]\n")
	}
	for name, c := range map[string]struct{ in, want string }{
		"billion laughs": {laughs.String(), "aliases (*name) blow this file up to more than a million values; write the parts out"},
		"depth":          {strings.Repeat("[", 500) + strings.Repeat("]", 500), "nested more than 64 deep"},
		"deeper":         {strings.Repeat("[", 200_000), "not readable as YAML: "},
		"size":           {strings.Repeat("# padding\n", MaxSize/10+1), "is larger than 16 MB; split it into several files"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			doc, problems := Parse("f.yaml", []byte(c.in))
			if doc != nil || len(problems) != 1 || !strings.Contains(problems.Error(), c.want) {
				t.Errorf("got %v, %v", doc, problems)
			}
			if d := time.Since(begin); d > 5*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

func TestReadSaysWhatIsWrongWithTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, ps := Read(filepath.Join(dir, "none.yaml")); ps.Error() != dir+"/none.yaml: cannot be opened: no such file or directory" {
		t.Error(ps)
	}
	if _, ps := Read(dir); ps.Error() != dir+": cannot be read: is a directory" {
		t.Error(ps)
	}
	f := filepath.Join(dir, "bom.yaml")
	if err := os.WriteFile(f, []byte("\xef\xbb\xbfname: a\r\nlevel: 2\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var v all
	doc, ps := Read(f)
	if ps = append(ps, doc.Decode(&v)...); ps != nil || v.Name != "a" || v.Level != 2 {
		t.Errorf("a byte order mark and CRLF are Windows' habit, not a mistake: %v %+v", ps, v)
	}
	doc, ps = Parse("empty.yaml", []byte("# nothing\n"))
	if ps = append(ps, doc.Decode(&v)...); ps != nil || !doc.IsZero() || doc.At("a").String() != "empty.yaml" {
		t.Errorf("empty: %v %v", ps, doc.At())
	}
}

func TestProblemsAreErrors(t *testing.T) {
	t.Parallel()
	var none Problems
	if none.Err() != nil {
		t.Error("no problem, no error")
	}
	a := Problem{Position{"b", 2, 1}, "u/s", "x"}
	b := Problem{Position{"a", 9, 1}, "", "y"}
	err := Join(Problems{a, a}, Problems{b}).Err()
	if err.Error() != "a:9:1: y\nb:2:1: u/s: x" {
		t.Errorf("got %q", err)
	}
	if p, ok := errors.AsType[Problem](err); !ok || p != b {
		t.Errorf("got %v", p)
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	words := []string{"http", "tls", "tcp", "icmp", "dns", "depends_on", "maintenance"}
	for in, want := range map[string]string{
		"https": "http", "htpt": "http", "HTTP": "http", "tsl": "tls", "ping": "", "": "", "depends-on": "depends_on",
		"mainteance": "maintenance", "maintnance": "maintenance", "tc": "tcp", "xyz": "", strings.Repeat("a", 70): "",
	} {
		if got, ok := Nearest(in, words); got != want || ok != (want != "") {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"a: &x [*x]", "a: 1\n<<: {b: 2}", "- - - x", "sub: {url: x}\nany: [1]", "? a\n: b", "a: !!binary x", "{{{{", "timeout: 5", "later: {a: {b: c}}", "%YAML 1.2\n---\na: b"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		doc, problems := Parse("f.yaml", b)
		if doc == nil {
			if len(problems) == 0 {
				t.Fatal("nil without a problem")
			}
			return
		}
		problems = append(problems, doc.Decode(&all{})...)
		for _, p := range Join(problems) {
			if p.Text == "" || strings.ContainsAny(p.Text, "\n\r") {
				t.Errorf("not one line: %q", p.Text)
			}
			for _, leak := range []string{"source.", "probes.", "reflect", "!!int", "struct {"} {
				if strings.Contains(p.Text, leak) && !strings.Contains(string(b), leak) {
					t.Errorf("a Go word leaks: %q", p.Text)
				}
			}
			if p.Line < 0 || p.Line > strings.Count(string(b), "\n")+strings.Count(string(b), "\r")+strings.Count(string(b), "\u0085")+strings.Count(string(b), "\u2028")+strings.Count(string(b), "\u2029")+2 {
				t.Errorf("outside of the file: %v", p)
			}
		}
	})
}
