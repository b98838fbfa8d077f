package oncall

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/oncall/auth"
	"watchpost.example/alerting/oncall/roster"
)

// Every YAML example of the README is loaded as an operator would.
func TestREADMEExamplesLoad(t *testing.T) {
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for part := range strings.SplitSeq(string(b), "```yaml\n") {
		text, _, ok := strings.Cut(part, "```")
		if !ok || strings.HasPrefix(part, "# on-call") {
			continue
		}
		n++
		name := fmt.Sprintf("README.md example %d", n)
		if strings.HasPrefix(text, "users:") {
			if _, problems := auth.Parse(name, []byte(text)); problems.Err() != nil {
				t.Error(problems)
			}
			continue
		}
		r, l, problems := Parse(name, []byte(text), []string{"sms", "voice", "ntfy", "telegram", "email"})
		if err := problems.Err(); err != nil {
			t.Error(err)
			continue
		}
		if n == 1 {
			from := time.Date(2026, 8, 28, 17, 0, 0, 0, r.Zone)
			if p := roster.Check(r, from, from.Add(24*time.Hour)); len(p) != 0 {
				t.Errorf("the example roster has problems: %v", p)
			}
			if d := r.At(from.Add(6 * time.Hour)); d.Officers[1] != "dung" {
				t.Errorf("the override does not hold: %v", d.Officers)
			}
		}
		if n == 2 {
			if p := l.Choose(alerting.Critical, 4); !p.Both || p.Name != "level-4-and-5" {
				t.Errorf("level 4 gets %q", p.Name)
			}
			if p := l.Choose(alerting.Critical, 2); p.Name != "critical" || len(p.Steps) != 5 {
				t.Errorf("level 2 gets %q", p.Name)
			}
		}
	}
	if n != 3 {
		t.Errorf("%d examples were found, want 3", n)
	}
}

// Every mistake is told at once, with its place and what was meant.
func TestMistakesAreToldAtOnce(t *testing.T) {
	text := `people:
  - {id: an, name: An, addresses: {sms: ["0900"]}}
  - {id: an, name: Two}
shifts:
  - {start: 2026-08-28 17:00, end: 2026-08-28 07:00, officers: [ann]}
overrides:
  - {from: 2026-08-28 17:00, to: 2026-08-28 18:00, replace: an, with: an}
ladder:
  policies:
    - name: critical
      severity: [critcal]
      steps:
        - {after: 5m, to: [oficers], by: [sms]}
        - {after: 3m, to: [deputy], by: [fax]}
`
	_, _, problems := Parse("roster.yaml", []byte(text), []string{"sms", "voice"})
	got := problems.Error()
	for _, want := range []string{
		`roster.yaml:2:42: an: "0900": not a telephone number`,
		`roster.yaml:3:10: an: the id "an" is taken`,
		`roster.yaml:5:36: a shift must end after it starts`,
		`"ann" is nobody's id in people; did you mean "an"?`,
		`an override needs a reason`,
		`"critcal" is not a severity; did you mean "critical"?`,
		`"oficers" is not a role; did you mean "officers"?`,
		`a step must not come before the one above it`,
		`"fax" is not a channel`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("missing %q in:\n%s", want, got)
		}
	}
}
