package dashboards_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// Grafana itself can't be had here, so its schema judges: every field of the
// files, of each panel's options and of each query, must be one that it knows,
// of the type that it wants.
func TestGrafanasSchemaTakesThem(t *testing.T) {
	plugins.RegisterDefaultPlugins()
	for _, d := range all(t) {
		if err := strict(d.JSON); err != nil {
			t.Errorf("%s: %v", d.UID, err)
		}
	}
	// What the schema must not take.
	good := string(all(t)[0].JSON)
	for from, to := range map[string]string{
		`"colorMode": "background_solid"`: `"colorMode": "background_solid", "colourMode": "x"`,
		`"graphMode": "none"`:             `"graphMode": 7`,
		`"instant": true`:                 `"instant": "yes"`,
		`"timezone":`:                     `"timezones":`,
	} {
		if bad := strings.Replace(good, from, to, 1); bad == good || strict([]byte(bad)) == nil {
			t.Errorf("the schema takes %s", to)
		}
	}
}

func strict(b []byte) error {
	var m dashboard.Dashboard //nolint:staticcheck // the classic model is what we ship
	err := m.UnmarshalJSONStrict(b)
	if err == nil || err.Error() == "" { // an empty list of errors is none
		err = m.Validate()
	}
	if err != nil && err.Error() == "" {
		return nil
	}
	return err
}

// Only colours that the colour-blind tell apart, and never a colour alone: a
// value that is coloured by a mapping has a mark and a word beside it.
func TestColours(t *testing.T) {
	palette := []string{"#0072B2", "#F0E442", "#D55E00", "#4D4D4D", "#394A63"}
	for _, d := range all(t) {
		for _, c := range regexp.MustCompile(`"color": "([^"]*)"`).FindAllStringSubmatch(string(d.JSON), -1) {
			if !slices.Contains(palette, c[1]) {
				t.Errorf("%s: the colour %q is not of the palette", d.UID, c[1])
			}
		}
		for _, m := range regexp.MustCompile(`(?s)"text": "([^"]*)",\s*"color": "#(?:D55E00|F0E442)"`).FindAllStringSubmatch(string(d.JSON), -1) {
			if !strings.ContainsAny(m[1], "✖▲") {
				t.Errorf("%s: %q is told by its colour alone", d.UID, m[1])
			}
		}
	}
}

// The words of people: Vietnamese where people read, a legend on every line, a
// column's name in a table.
func TestWords(t *testing.T) {
	latin := regexp.MustCompile(`^[A-Za-z0-9 :,.%/()-]+$`)
	for _, d := range all(t) {
		var m struct {
			Panels []struct {
				Type, Title, Description string
				FieldConfig              struct{ Defaults struct{ NoValue string } }
				Targets                  []struct{ LegendFormat, Format string }
				Transformations          []struct {
					ID      string
					Options struct{ RenameByName, ExcludeByName map[string]any }
				}
			}
		}
		if err := json.Unmarshal(d.JSON, &m); err != nil {
			t.Fatal(err)
		}
		for _, p := range m.Panels {
			if latin.MatchString(p.Description) || latin.MatchString(p.FieldConfig.Defaults.NoValue) {
				t.Errorf("%s/%s: %q or %q is not Vietnamese", d.UID, p.Title, p.Description, p.FieldConfig.Defaults.NoValue)
			}
			for _, q := range p.Targets {
				if q.Format != "table" && q.LegendFormat == "" {
					t.Errorf("%s/%s: a query without a legend shows its labels in braces", d.UID, p.Title)
				}
			}
			if p.Type == "table" && (len(p.Transformations) == 0 || len(p.Transformations[len(p.Transformations)-1].Options.RenameByName) == 0) {
				t.Errorf("%s/%s: columns bear the names of labels", d.UID, p.Title)
			}
		}
	}
}
