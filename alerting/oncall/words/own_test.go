package words

import (
	"strings"
	"testing"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/oncall/incident"
)

// The pager's own alarms, tests and drills speak the reader's language and say
// what to do, and their texts for phones have nothing of the other one.
func TestOwnAlarmsInBothLanguages(t *testing.T) {
	own := func(system, check string) incident.Incident {
		return incident.Incident{ID: "i", Code: "7421", Kind: incident.KindAlert, Severity: "critical", Status: incident.Open, Since: now, Round: 1, Groups: []incident.Group{{
			Key: "oncall/x", Alerts: []incident.Alert{{Name: OwnAlert, Unit: OwnUnit, System: system, Check: check, Severity: "critical", Since: now, Summary: "tieng Viet", Description: "tiếng Việt. asking B: refused"}},
		}}}
	}
	drill := own("cong-thong-tin", "")
	drill.Drill, drill.Groups[0].Alerts[0].Name, drill.Groups[0].Alerts[0].Unit = true, DrillName, DrillUnit
	drill.Groups[0].Alerts[0].Description = ""
	for _, tt := range []struct {
		in     incident.Incident
		kind   string
		vi, en string
	}{
		{own("watchdog", Silent), "alert", "Alertmanager", "check its rules and Alertmanager"},
		{own("heartbeat-sao-luu", Silent), "alert", "kiem tra sao-luu", "check sao-luu"},
		{own("peer-B", Silent), "alert", "tram giam sat B khong tra loi: kiem tra may va mang cua B", "watchpost B does not answer: check its machine and network"},
		{own("peer-B", Ill), "alert", "tram giam sat B tu bao loi", "watchpost B says that it is ill"},
		{drill, "drill", "DIEN TAP.", "DRILL."},
		{incident.Incident{ID: "i", Code: "1", Kind: incident.KindTest, Targets: []string{"an"}}, "test", "kiem tra may cua Nguyen Van A", "phone test of Nguyen Van A"},
		{incident.Incident{ID: "i", Code: "1", Kind: incident.KindTest, Title: "2026-12-29T17:00:00+07:00"}, "test", "nhan ca 17:00 29/12", "start of the shift 17:00 29/12"},
	} {
		for lang, want := range map[string]string{"vi": tt.vi, "en": tt.en} {
			v := View{Kind: tt.kind, About: incident.Opened, Incident: tt.in, Now: now.Add(time.Minute), Zone: zone, Seq: 1, Person: alerting.Person{Language: lang}, Names: names(false)}
			p := Render(v)
			if !strings.Contains(p.Short, want) {
				t.Errorf("%s: %q lacks %q", lang, p.Short, want)
			}
			if lang == "en" && (strings.Contains(p.Short+p.Text+p.Speech, "tieng Viet") || strings.Contains(p.Speech, "tiếng Việt")) {
				t.Errorf("Vietnamese in an English page: %q %q %q", p.Short, p.Text, p.Speech)
			}
			if strings.Contains(p.Speech, "refused") {
				t.Errorf("the phone reads out an error of a library: %q", p.Speech)
			}
		}
	}
}

func TestTimelineNamesRolesAndPeople(t *testing.T) {
	person := func(id string) string { return strings.ToUpper(id) }
	for _, tt := range []struct{ what, text, vi, en string }{
		{incident.Stepped, "1.2 first,person:an", "Bước 1.2: cán bộ trực thứ nhất, AN", "Step 1.2: the first officer, AN"},
		{incident.Nobody, "hotline", "Không có ai để báo ở bước này (đường dây nóng)", "Nobody to page at this step (the hotline)"},
		{incident.HandedOver, "an,binh → chi", "Bàn giao ca: AN, BINH → CHI", "Handover: AN, BINH → CHI"},
		{incident.HandedOver, " → chi", "Bàn giao ca: không có ai → CHI", "Handover: nobody → CHI"},
		{incident.HandedOver, "[an] - old", "Bàn giao ca: [an] - old", "Handover: [an] - old"},
	} {
		for lang, want := range map[string]string{"vi": tt.vi, "en": tt.en} {
			if got := Line(incident.Line{What: tt.what, Text: tt.text}, lang, person, zone); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
	}
}

// Two who are paged in the same moment have not failed to answer each other.
func TestNobodyIsCalledSilentAtOnce(t *testing.T) {
	in := sample(false)
	in.Acks = nil
	in.Contacts = []incident.Contact{{Person: "an", Round: 1, At: now}, {Person: "binh", Round: 1, At: now}}
	for after, want := range map[time.Duration]bool{0: false, 59 * time.Second: false, 3 * time.Minute: true} {
		p := Render(View{Kind: "alert", About: incident.Opened, Incident: in, Now: now.Add(after), Zone: zone, Person: alerting.Person{ID: "binh"}, Names: names(false)})
		if got := strings.Contains(p.Text, "Chưa trả lời") && strings.Contains(p.Speech, "Chưa trả lời"); got != want {
			t.Errorf("after %s: %v, want %v: %s", after, got, want, p.Text)
		}
	}
}
