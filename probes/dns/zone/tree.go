package zone

import (
	"fmt"
	"io"
	"strings"

	"watchpost.example/probes"
)

// Tree writes a result for people: the delegation from the root down to each
// server with its verdict, then the findings in words. lang is "vi" or "en".
// Remote text in it has been made safe for a terminal by Result.
func Tree(w io.Writer, r Result, lang string) error {
	t := &tree{lang: lang}
	t.chain(r)
	t.servers(r)
	t.findings(r)
	if _, err := io.WriteString(w, t.b.String()); err != nil {
		return fmt.Errorf("writing the tree of %s: %w", r.Zone, err)
	}
	return nil
}

type tree struct {
	b    strings.Builder
	lang string
}

// say picks the language.
func (t *tree) say(vi, en string) string {
	if t.lang == "vi" {
		return vi
	}
	return en
}

func (t *tree) line(depth int, format string, args ...any) {
	t.b.WriteString(strings.Repeat("   ", depth))
	fmt.Fprintf(&t.b, format, args...)
	t.b.WriteByte('\n')
}

func (t *tree) security(s State) string {
	switch s.Word {
	case "secure":
		return t.say("DNSSEC hợp lệ", "DNSSEC valid")
	case "insecure":
		return t.say("không có DNSSEC", "no DNSSEC")
	case "bogus":
		return t.say("DNSSEC SAI", "DNSSEC WRONG")
	}
	return t.say("DNSSEC chưa rõ", "DNSSEC not told")
}

func (t *tree) chain(r Result) {
	for i, k := range r.Chain {
		name := k.Zone
		if name == "." {
			name = t.say(". (gốc)", ". (root)")
		}
		t.line(i, "%s %s — %s", t.mark(k.DNSSEC.Word != "bogus"), name, t.security(k.DNSSEC))
	}
	at := len(r.Chain)
	t.line(at, "%s %s — %s, %s", t.symbol(r.Verdict), r.Zone, t.verdict(r.Verdict), t.security(r.DNSSEC))
	if len(r.Delegation.NS) > 0 {
		t.line(at+1, t.say("cấp trên (%s) khai báo: %s", "the parent (%s) names: %s"), r.Delegation.Parent, words(r.Delegation.NS))
	}
}

func (t *tree) servers(r Result) {
	depth := len(r.Chain) + 1
	for _, s := range r.Servers {
		t.line(depth, "%s %s %s — UDP %s, TCP %s, %s", t.symbol(s.Verdict), plainName(s.Name, 100), s.Address, t.exchange(s.UDP), t.exchange(s.TCP), t.security(s.DNSSEC))
		if s.Serial != 0 {
			t.line(depth+1, t.say("phiên bản %d, %.1f ms", "version %d, %.1f ms"), s.Serial, s.RTTMS)
		}
		for _, reason := range s.Reasons {
			t.line(depth+1, "→ %s", Words(reason, t.lang))
		}
	}
	for _, n := range r.Notes {
		t.line(depth, "i %s", n)
	}
}

func (t *tree) findings(r Result) {
	t.b.WriteByte('\n')
	if len(r.Findings) == 0 {
		switch r.Verdict {
		case probes.Unknown:
			t.line(0, "%s: %s", t.say("Không kết luận được", "Could not tell"), r.Detail)
		default:
			t.line(0, "%s", t.say("Không phát hiện vấn đề.", "Nothing found."))
		}
		return
	}
	t.line(0, t.say("%d vấn đề:", "%d findings:"), len(r.Findings))
	for i, f := range r.Findings {
		t.line(0, "%2d. [%s] %s", i+1, t.severity(f.Severity), Words(f.Reason, t.lang))
		t.line(1, "%s: %s   %s: %s", t.say("ở đâu", "where"), f.Where(), t.say("bản ghi", "record"), f.Record)
		t.line(1, "%s: %s", t.say("mong đợi", "expected"), f.Expected)
		t.line(1, "%s: %s", t.say("thực tế", "found"), f.Found)
		t.line(1, "%s: %s", t.say("mã", "reason"), f.Reason)
	}
}

func (t *tree) exchange(word string) string {
	if t.lang != "vi" {
		return word
	}
	vi := map[string]string{
		"ok": "tốt", "not asked": "chưa hỏi", "no answer in time": "không trả lời", "port refused": "cổng bị từ chối", "no authority": "không có thẩm quyền",
		"reply could not be parsed": "dữ liệu sai", "connection closed before the answer": "ngắt kết nối", "only replies to another question or query": "trả lời sai câu hỏi",
	}
	if s, ok := vi[word]; ok {
		return s
	}
	return word
}

func (t *tree) verdict(v probes.Verdict) string {
	switch v {
	case probes.Up:
		return t.say("hoạt động", "up")
	case probes.Degraded:
		return t.say("suy giảm", "degraded")
	case probes.Down:
		return t.say("KHÔNG HOẠT ĐỘNG", "DOWN")
	case probes.Unknown:
	}
	return t.say("chưa rõ", "unknown")
}

func (t *tree) severity(s probes.Severity) string {
	switch s {
	case probes.PageNow:
		return t.say("KHẨN CẤP", "PAGE NOW")
	case probes.Today:
		return t.say("trong ca", "today")
	case probes.Ticket:
		return t.say("ngày làm việc tới", "ticket")
	case probes.Note:
	}
	return t.say("ghi nhận", "note")
}

// symbol differs in shape, not only in colour.
func (t *tree) symbol(v probes.Verdict) string {
	return [...]string{"?", "✓", "!", "✗"}[min(int(v), 3)]
}

func (t *tree) mark(ok bool) string {
	if ok {
		return "✓"
	}
	return "✗"
}
