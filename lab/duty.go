package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
	_ "time/tzdata" // the roster's zone, in a bare container, too
)

// phone is the officers' telephone: an HTTP server that on-call's webhook
// channel posts to, which prints each page as the handset would show it.
func (l *Lab) phone(ctx context.Context) error {
	if l.screen == nil {
		return nil
	}
	ls, err := l.listen(ctx, 1)
	if err != nil {
		return err
	}
	l.phoneAt = addrPort(ls[0]).String()
	l.web(ls[0], http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var p struct {
			Address, Kind, Subject, Code string
			AckURL                       string `json:"ack_url"`
		}
		if json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&p) != nil {
			return // not a page: nobody in the lab sends anything else
		}
		text := fmt.Sprintf("PHONE of %s: [%s] %s", p.Address, p.Kind, p.Subject)
		if p.Code != "" {
			text += "; code " + p.Code
		}
		if p.AckURL != "" {
			text += "; take it: " + p.AckURL
		}
		_, _ = fmt.Fprintln(l.screen, text) // a closed terminal is not the lab's fault
	}), nil)
	return nil
}

// duty is roster, channels and users of the lab; nil without a screen.
func (l *Lab) duty(now time.Time) (map[string]string, error) {
	if l.screen == nil {
		return nil, nil
	}
	zone, err := time.LoadLocation("Asia/Ho_Chi_Minh")
	if err != nil {
		return nil, err
	}
	const form = "2006-01-02 15:04"
	start := now.In(zone).Add(-time.Hour)
	var roster strings.Builder
	roster.WriteString(marker + `
timezone: Asia/Ho_Chi_Minh
people:
  - {id: an, name: Nguyễn Văn An (thử nghiệm), role: cán bộ trực, addresses: {sms: ["0900 000 011"]}}
  - {id: binh, name: Trần Thị Bình (thử nghiệm), role: cán bộ trực, addresses: {sms: ["0900 000 012"]}}
  - {id: chi, name: Lê Chi (thử nghiệm), role: trưởng ca, addresses: {sms: ["0900 000 013"]}}
  - {id: trung-tam, name: Trung tâm ứng cứu (thử nghiệm), addresses: {sms: ["0900 000 019"]}}
hotline: trung-tam
shifts:
`)
	for i := range 4 {
		from := start.Add(time.Duration(i) * 12 * time.Hour)
		fmt.Fprintf(&roster, "  - {start: %s, end: %s, officers: [an, binh], deputy: chi}\n", from.Format(form), from.Add(12*time.Hour).Format(form))
	}
	roster.WriteString("ladder:\n  channels:\n    sms: {receipt: 0s}\n")
	files := map[string]string{
		"roster.yaml":   roster.String(),
		"channels.yaml": marker + "\nchannels:\n  - {name: sms, type: webhook, url: \"http://" + l.phoneAt + "/\"}\n",
	}
	if l.hash != "" {
		files["users.yaml"] = marker + "\nusers:\n  - {name: lab, person: an, role: admin, password: \"" + l.hash + "\"}\n"
	}
	return files, nil
}

// oncall is the part of watchpost.yaml that names the files of duty.
func (l *Lab) oncall() string {
	if l.screen == nil {
		return ""
	}
	out := "oncall:\n  roster: roster.yaml\n  channels: channels.yaml\n"
	if l.hash != "" {
		out += "  users: users.yaml\n"
	}
	return out
}
