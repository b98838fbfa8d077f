package report

import (
	"fmt"
	"strings"
	"time"
)

// NoData stands where a figure would be if something had been measured.
const NoData = "không có số liệu"

// percentVI prints a ratio the Vietnamese way: "99,98%".
func percentVI(r Ratio, decimals int) string {
	if !r.Known() {
		return NoData
	}
	return strings.Replace(r.Percent(decimals), ".", ",", 1) + "%"
}

// dateVI prints a date by Nghị định 30/2020: the day padded, the month only
// for 1 and 2: 02/9/2026, 05/02/2026.
func dateVI(t time.Time) string {
	return fmt.Sprintf("%02d/%s/%d", t.Day(), monthVI(t.Month()), t.Year())
}

func monthVI(m time.Month) string {
	if m <= 2 {
		return fmt.Sprintf("%02d", int(m))
	}
	return fmt.Sprint(int(m))
}

// momentVI is for tables: "17:00:05 02/9/2026".
func momentVI(t time.Time) string { return t.Format("15:04:05") + " " + dateVI(t) }

// proseVI is for sentences: "17 giờ 00 phút ngày 28/8/2026".
func proseVI(t time.Time) string {
	return fmt.Sprintf("%02d giờ %02d phút ngày %s", t.Hour(), t.Minute(), dateVI(t))
}

// durationVI prints "1 giờ 52 phút 05 giây", rounded up to the second, so that
// downtime never shrinks. Days are written from 48 hours on.
func durationVI(d time.Duration) string {
	if d <= 0 {
		return "0 giây"
	}
	s := int64((d + time.Second - 1) / time.Second)
	days := int64(0)
	if s >= 48*3600 {
		days, s = s/86400, s%86400
	}
	var parts []string
	for _, x := range []struct {
		n    int64
		word string
	}{{days, "ngày"}, {s / 3600, "giờ"}, {s / 60 % 60, "phút"}, {s % 60, "giây"}} {
		switch {
		case x.n == 0:
		case len(parts) == 0:
			parts = append(parts, fmt.Sprintf("%d %s", x.n, x.word))
		default:
			parts = append(parts, fmt.Sprintf("%02d %s", x.n, x.word))
		}
	}
	return strings.Join(parts, " ")
}

// countVI pads small counts as official prose does: "03", "12", "1.234".
func countVI(n int) string {
	if n >= 0 && n < 10 {
		return fmt.Sprintf("%02d", n)
	}
	return numberVI(n)
}

// numberVI writes a dot between thousands.
func numberVI(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "." + s[i:]
	}
	return s
}

// zoneVI names the zone once, in the annex.
func zoneVI(t time.Time) string {
	name, off := t.Zone()
	sign := "+"
	if off < 0 {
		sign, off = "-", -off
	}
	utc := fmt.Sprintf("UTC%s%d", sign, off/3600)
	if m := off / 60 % 60; m != 0 {
		utc += fmt.Sprintf(":%02d", m)
	}
	if t.Location().String() == "Asia/Ho_Chi_Minh" {
		return "giờ Việt Nam (" + utc + ")"
	}
	if utc == "UTC+0" {
		return "giờ UTC"
	}
	return "giờ " + name + " (" + utc + ")"
}
