// Package dashboards draws the Grafana dashboards as Go and publishes them.
//
// The model comes from grafana-foundation-sdk, because grafana-tools/sdk's own
// Board loses value mappings, overrides and variables on the way; the latter
// serves as the client of Grafana's API, with raw JSON only (publish.go).
package dashboards

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
)

// Dashboard is one dashboard, ready for a file or for Grafana's API.
type Dashboard struct {
	UID   string // stable: it stands in links
	File  string // name under json/
	Title string
	JSON  []byte // classic model (schema version 42), indented, the same on every run
}

// builder makes the classic model, the only one that Grafana 10 to 13 all read.
type builder = dashboard.DashboardBuilder //nolint:staticcheck // its successor, v2, needs Grafana 12

// All draws every dashboard.
func All() ([]Dashboard, error) {
	var out []Dashboard
	for _, d := range []struct {
		file    string
		builder *builder
	}{{"wall.json", wall()}, {"system.json", system()}, {"dns.json", dns()}, {"oncall.json", duty()}} {
		model, err := d.builder.Build()
		if err != nil {
			return nil, fmt.Errorf("drawing %s: %w", d.file, err)
		}
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false) // queries hold < and >
		e.SetIndent("", "  ")
		if err := e.Encode(model); err != nil {
			return nil, fmt.Errorf("writing %s: %w", d.file, err)
		}
		out = append(out, Dashboard{UID: *model.Uid, File: d.file, Title: *model.Title, JSON: b.Bytes()})
	}
	return out, nil
}

// Write puts every dashboard into dir, which must exist.
func Write(dir string) error {
	all, err := All()
	if err != nil {
		return err
	}
	for _, d := range all {
		if err := os.WriteFile(filepath.Join(dir, d.File), d.JSON, 0o644); err != nil { // for Grafana to read
			return fmt.Errorf("writing a dashboard: %w", err)
		}
	}
	return nil
}

// Colours for the colour-blind (research: blue and vermillion stay apart under
// every common deficiency); symbol and word always stand beside them.
const (
	blue       = "#0072B2"
	yellow     = "#F0E442"
	vermillion = "#D55E00"
	grey       = "#4D4D4D"
	slate      = "#394A63"
)

const noData = "Không có số liệu"

// source is the data source variable, so that one file serves every Grafana.
func source() common.DataSourceRef {
	return common.DataSourceRef{Type: new("prometheus"), Uid: new("${datasource}")}
}

func base(uid, title, description, refresh string) *builder {
	b := dashboard.NewDashboardBuilder(title) //nolint:staticcheck // as builder
	return b.Uid(uid).
		Description(description).
		Tags([]string{"watchpost"}).
		Timezone("Asia/Ho_Chi_Minh").
		Readonly().
		Refresh(refresh).
		WithVariable(dashboard.NewDatasourceVariableBuilder("datasource").
			Label("Nguồn dữ liệu").
			Type("prometheus").
			Current(option("default", "default"))).
		Link(dashboard.NewDashboardLinkBuilder("watchpost").
			Type(dashboard.DashboardLinkTypeDashboards).
			Tags([]string{"watchpost"}).
			KeepTime(true))
}

func option(text, value string) dashboard.VariableOption {
	return dashboard.VariableOption{
		Selected: new(true),
		Text:     dashboard.StringOrArrayOfString{String: new(text)},
		Value:    dashboard.StringOrArrayOfString{String: new(value)},
	}
}

// labelValues is a variable that follows the time range; single choice.
func labelValues(name, label, query string) *dashboard.QueryVariableBuilder {
	return dashboard.NewQueryVariableBuilder(name).
		Label(label).
		Datasource(source()).
		Query(dashboard.StringOrMap{String: new(query)}).
		Definition(query).
		Refresh(dashboard.VariableRefreshOnTimeRangeChanged).
		Sort(dashboard.VariableSortAlphabeticalAsc)
}

// instant asks for now only, one row or tile a series.
func instant(ref, expr, legend string) *prometheus.DataqueryBuilder {
	return prometheus.NewDataqueryBuilder().RefId(ref).Datasource(source()).Expr(expr).LegendFormat(legend).Instant()
}

// table asks for now in the form of a table.
func tableQuery(ref, expr string) *prometheus.DataqueryBuilder {
	return instant(ref, expr, "").Format(prometheus.PromQueryFormatTable)
}

// over asks for the time range.
func over(ref, expr, legend string) *prometheus.DataqueryBuilder {
	return prometheus.NewDataqueryBuilder().RefId(ref).Datasource(source()).Expr(expr).LegendFormat(legend).Range()
}

func at(x, y, w, h uint32) dashboard.GridPos { return dashboard.GridPos{X: x, Y: y, W: w, H: h} }

// steps makes thresholds: the first colour is the base, then value and colour.
func steps(first string, more ...any) *dashboard.ThresholdsConfigBuilder {
	l := []dashboard.Threshold{{Color: first}}
	for i := 0; i+1 < len(more); i += 2 {
		value, _ := more[i].(float64)
		color, _ := more[i+1].(string)
		l = append(l, dashboard.Threshold{Value: &value, Color: color})
	}
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps(l)
}

func byThresholds() *dashboard.FieldColorBuilder {
	return dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdThresholds)
}

// words maps values to text and colour, in this order.
func words(pairs ...[3]string) []dashboard.ValueMapping {
	m := dashboard.NewValueMap()
	for i, p := range pairs {
		m.Options[p[0]] = dashboard.ValueMappingResult{Text: new(p[1]), Color: new(p[2]), Index: new(int32(i))}
	}
	return []dashboard.ValueMapping{{ValueMap: m}}
}

// checkWords are the values of watchpost_check_state.
func checkWords() []dashboard.ValueMapping {
	return words(
		[3]string{"3", "✖ MẤT KẾT NỐI", vermillion}, [3]string{"2", "▲ SUY GIẢM", yellow},
		[3]string{"0", "? KHÔNG RÕ", grey}, [3]string{"1", "✔ HOẠT ĐỘNG", blue},
	)
}

// systemWords are the values of systemCode.
func systemWords() []dashboard.ValueMapping {
	return words(
		[3]string{"4", "✖ MẤT KẾT NỐI", vermillion}, [3]string{"3", "▲ SUY GIẢM", yellow},
		[3]string{"2", "? KHÔNG RÕ", grey}, [3]string{"1", "✔ HOẠT ĐỘNG", blue}, [3]string{"0", "◷ BẢO TRÌ", slate},
	)
}

// noFooter is said in full, because the builder leaves null where Grafana's
// schema wants a list.
func noFooter() *common.TableFooterOptionsBuilder {
	return common.NewTableFooterOptionsBuilder().Show(false).Reducer([]string{})
}

func property(id string, value any) dashboard.DynamicConfigValue {
	return dashboard.DynamicConfigValue{Id: id, Value: value}
}
