package wall

import (
	"fmt"
	"net/netip"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/probes"
)

// shift is a board as a night shift sees it: 30 systems of 6 units.
func shift(b *fakeBoard, o *Options) {
	names := []string{"Cổng thông tin điện tử", "Thư điện tử", "Hệ thống quản lý văn bản", "Tuyển sinh trực tuyến", "Máy chủ tên miền"}
	for i, unit := range []string{"Trường Cao đẳng Thử nghiệm A", "Trung tâm Dịch vụ việc làm B", "Văn phòng Thử nghiệm C", "Trung tâm Bảo trợ D", "Trường Trung cấp E", "Chi cục Thử nghiệm G"} {
		u := &probes.Unit{ID: fmt.Sprintf("don-vi-%d", i+1), Name: unit, Contacts: []probes.Contact{{Name: "Nguyễn Thử A", Role: "Đầu mối ứng cứu", Phone: "0900 000 001", Email: "a@unit.example"}}}
		b.units = append(b.units, u)
		for j, n := range names {
			v, r, since := probes.Up, probes.OK, 70*time.Hour
			switch {
			case i == 0 && j == 0:
				v, r, since = probes.Down, probes.HTTPStatus, 112*time.Minute
			case i == 1 && j == 3:
				v, r, since = probes.Down, probes.TCPTimeout, 95*time.Second
			case i == 3 && j == 0:
				v, r, since = probes.Degraded, probes.TLSExpired, 26*time.Hour
			case i == 4 && j == 4:
				v, r, since = probes.Unknown, probes.OursUplink, 8*time.Minute
			}
			e := b.add(u, fmt.Sprintf("he-thong-%d", j+1), n, v, r, 4*time.Second, since)
			e.State.Maintenance = i == 5 && j == 1
			e.Observation.Parts = []probes.Part{{
				Address: netip.MustParseAddrPort("[2001:db8:1234:5678:9abc:def0:1234:5678]:39769"), Verdict: v, Reason: r, Took: 2 * time.Millisecond,
				Phases: probes.Phases{probes.Connect: time.Millisecond}, Detail: "connecting to 192.0.2.1:39769: connection refused",
			}}
		}
	}
	now := time.Now()
	o.Title = "Giám sát hệ thống công khai · Đơn vị thử nghiệm"
	o.OnDuty = people{{Name: "Nguyễn Thử A"}, {Name: "Trần Thử B"}}
	o.Deputy = func(time.Time) string { return "Lê Thử C" }
	o.AckedBy = func(a alerting.Alert) string { return map[string]string{"SystemDown": "Trần Thử B"}[a.Name] }
	o.Alerts = func() []alerting.Alert {
		return []alerting.Alert{
			{Name: "SystemDown", State: "firing", Severity: "critical", Unit: "don-vi-1", System: "he-thong-1", Summary: "Cong thong tin dien tu (Truong A) mat ket noi: may chu tra ma loi", Since: now.Add(-111 * time.Minute), RunbookURL: "/runbooks/check-down"},
			{Name: "CheckDown", State: "firing", Severity: "critical", Unit: "don-vi-2", System: "he-thong-4", Summary: "Tuyen sinh truc tuyen (Trung tam B) mat ket noi", Since: now.Add(-70 * time.Second), RunbookURL: "/runbooks/check-down"},
			{Name: "CertExpired", State: "firing", Severity: "warning", Unit: "don-vi-4", System: "he-thong-1", Summary: "Chung thu so cua Cong thong tin dien tu da het han", Since: now.Add(-26 * time.Hour), RunbookURL: "/runbooks/cert"},
		}
	}
}

// badNight is a small board, each system with a tile, of which one is left: the
// most that has to stand above the tiles.
func badNight(b *fakeBoard, o *Options) {
	for i, unit := range []string{"Sở Giáo dục và Đào tạo (thử nghiệm)", "Sở Y tế (thử nghiệm)", "Trung tâm Công nghệ thông tin (thử nghiệm)", "UBND huyện Ví Dụ (thử nghiệm)"} {
		u := &probes.Unit{ID: fmt.Sprintf("don-vi-%d", i+1), Name: unit}
		b.units = append(b.units, u)
		for j := range 3 {
			v, r := probes.Down, probes.TCPTimeout
			if i == 3 && j == 2 {
				v, r = probes.Up, probes.OK
			}
			b.add(u, fmt.Sprintf("he-thong-%d", j+1), fmt.Sprintf("Hệ thống tra cứu hồ sơ số %d", j+1), v, r, time.Second, time.Duration(i+j+2)*time.Minute)
		}
	}
	o.OnDuty = people{{Name: "Nguyễn Văn An (thử nghiệm)"}, {Name: "Trần Thị Bình (thử nghiệm)"}}
	o.Deputy = func(time.Time) string { return "Lê Chi (thử nghiệm)" }
	o.AlertTitle = func(string, string) string { return "Một hệ thống mất kết nối hoàn toàn" }
	o.Alerts = func() (out []alerting.Alert) {
		for i := range 11 {
			out = append(out, alerting.Alert{
				Name: "SystemDown", State: "firing", Severity: "critical", Unit: fmt.Sprintf("don-vi-%d", i/3+1), System: fmt.Sprintf("he-thong-%d", i%3+1),
				Summary: "He thong mat ket noi hoan toan", Since: time.Now().Add(-time.Minute), RunbookURL: "/runbooks/SystemDown",
			})
		}
		return out
	}
}
