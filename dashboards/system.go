package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// chosen is the selector of the system that the variables name.
const chosen = `{unit="$unit",system="$system"}`

func system() *builder {
	return base("watchpost-system", "Chi tiết hệ thống", "Các phép đo của một hệ thống: trạng thái, các pha, chứng thư số, từng địa chỉ, phát hiện.", "30s").
		Time("now-24h", "now").
		WithVariable(labelValues("unit", "Đơn vị", "label_values(watchpost_system_info, unit)")).
		WithVariable(labelValues("system", "Hệ thống", `label_values(watchpost_system_info{unit="$unit"}, system)`)).
		WithPanel(stateNow()).
		WithPanel(certificate()).
		WithPanel(shareOf()).
		WithPanel(timeline(4, at(0, 4, 24, 6), "Diễn biến trạng thái", "Trạng thái đã xác nhận của từng phép đo; chỗ trống là không có số liệu.",
			`max by (check, vantage) (watchpost_check_state`+chosen+`)`, "{{check}} {{vantage}}").Mappings(checkWords())).
		WithPanel(lines(5, at(0, 10, 12, 8), "Các pha HTTP", "Thời gian từng pha của lần đo: phân giải tên, kết nối, bắt tay TLS, xử lý, truyền.", "s",
			`max by (check, phase) (probe_http_duration_seconds`+chosen+`)`, "{{check}} {{phase}}")).
		WithPanel(lines(6, at(12, 10, 12, 8), "Thời gian phản hồi", "Thời gian của cả lần đo, theo phép đo.", "s",
			`max by (check, vantage) (probe_duration_seconds`+chosen+`)`, "{{check}} {{vantage}}")).
		WithPanel(lines(7, at(0, 18, 12, 7), "Mã trạng thái HTTP", "Mã trả lời của máy chủ; 0 là không có trả lời.", "none",
			`max by (check, vantage) (probe_http_status_code`+chosen+`)`, "{{check}} {{vantage}}")).
		WithPanel(lines(8, at(12, 18, 12, 7), "ICMP: tỷ lệ mất gói", "Tỷ lệ gói ICMP không được trả lời trong một lần đo.", "percentunit",
			`max by (check, vantage) (watchpost_icmp_loss_ratio`+chosen+`)`, "{{check}} {{vantage}}")).
		WithPanel(timeline(9, at(0, 25, 24, 7), "Từng địa chỉ", "Mỗi địa chỉ của tên miền trả lời đúng hay không; chỉ lưu khi tên miền có nhiều địa chỉ.",
			`min by (check, address) (watchpost_address_success`+chosen+`)`, "{{check}} {{address}}").
			Mappings(words([3]string{"0", "✖ Không", vermillion}, [3]string{"1", "✔ Đúng", blue}))).
		WithPanel(findings())
}

func stateNow() *stat.PanelBuilder {
	return stat.NewPanelBuilder().Id(1).GridPos(at(0, 0, 12, 4)).
		Title("Trạng thái hiện tại").Description("Trạng thái đã xác nhận của từng phép đo.").Datasource(source()).
		WithTarget(instant("A", `max by (check, vantage) (watchpost_check_state`+chosen+`)`, "{{check}} {{vantage}}")).
		Unit("none").NoValue(noData).Mappings(checkWords()).Thresholds(steps(grey)).ColorScheme(byThresholds()).
		ColorMode(common.BigValueColorModeBackgroundSolid).GraphMode(common.BigValueGraphModeNone).TextMode(common.BigValueTextModeValueAndName)
}

func certificate() *stat.PanelBuilder {
	return stat.NewPanelBuilder().Id(2).GridPos(at(12, 0, 6, 4)).
		Title("Chứng thư số còn").Description("Số ngày đến khi chứng thư sớm nhất trong chuỗi hết hạn; âm là đã hết hạn.").Datasource(source()).
		WithTarget(instant("A", `(min by (check) (probe_ssl_earliest_cert_expiry`+chosen+`) - time()) / 86400`, "{{check}}")).
		Unit("suffix: ngày").Decimals(0).NoValue(noData).Thresholds(steps(vermillion, 7.0, yellow, 21.0, blue)).ColorScheme(byThresholds()).
		ColorMode(common.BigValueColorModeBackgroundSolid).GraphMode(common.BigValueGraphModeNone)
}

func shareOf() *stat.PanelBuilder {
	const known = `sum(sum_over_time((watchpost_check_state` + chosen + ` > bool 0)[24h:5m]))`
	const down = `sum(sum_over_time((watchpost_check_state` + chosen + ` == bool 3)[24h:5m]))`
	return stat.NewPanelBuilder().Id(3).GridPos(at(18, 0, 6, 4)).
		Title("Khả dụng 24 giờ").Description("Tỷ lệ thời gian đo được mà các phép đo không gián đoạn; số liệu chính thức lấy ở báo cáo.").Datasource(source()).
		WithTarget(instant("A", `100 * (1 - `+down+` / `+known+`)`, "24 giờ")).
		Unit("percent").Decimals(2).NoValue(noData).Thresholds(steps(vermillion, 99.0, yellow, 99.9, blue)).ColorScheme(byThresholds()).
		ColorMode(common.BigValueColorModeBackgroundSolid).GraphMode(common.BigValueGraphModeNone)
}

func timeline(id uint32, pos dashboard.GridPos, title, description, expr, legend string) *statetimeline.PanelBuilder {
	return statetimeline.NewPanelBuilder().Id(id).GridPos(pos).Title(title).Description(description).Datasource(source()).
		WithTarget(over("A", expr, legend)).
		Unit("none").NoValue(noData).Thresholds(steps(grey)).ColorScheme(byThresholds()).
		ShowValue(common.VisibilityModeNever).MergeValues(true).RowHeight(0.8).FillOpacity(90).LineWidth(0)
}

func lines(id uint32, pos dashboard.GridPos, title, description, unit, expr, legend string) *timeseries.PanelBuilder {
	return timeseries.NewPanelBuilder().Id(id).GridPos(pos).Title(title).Description(description).Datasource(source()).
		WithTarget(over("A", expr, legend)).
		Unit(unit).NoValue(noData).Min(0).LineWidth(2).ShowPoints(common.VisibilityModeNever).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(true).DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom))
}

func findings() *table.PanelBuilder {
	return table.NewPanelBuilder().Id(10).GridPos(at(0, 32, 24, 7)).
		Title("Phát hiện").Description("Những điều sai hoặc sắp sai mà lần đo thấy được, kể cả khi hệ thống vẫn hoạt động; hướng dẫn xử lý theo nguyên nhân.").Datasource(source()).
		WithTarget(tableQuery("A", `max by (check, reason, severity, where) (watchpost_finding`+chosen+`)`)).
		Unit("none").NoValue("Không có phát hiện nào").Footer(noFooter()).
		WithTransformation(dashboard.DataTransformerConfig{Id: "organize", Options: map[string]any{
			"excludeByName": map[string]any{"Time": true, "Value": true},
			"indexByName":   map[string]any{"severity": 0, "reason": 1, "where": 2, "check": 3},
			"renameByName":  map[string]any{"severity": "Mức độ", "reason": "Nguyên nhân", "where": "Tại", "check": "Phép đo"},
		}})
}
