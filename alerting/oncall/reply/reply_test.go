package reply

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	take := Command{Action: Take, Code: "7421"}
	tests := map[string]Command{
		"A 7421": take, "a7421": take, "A-7421.": take, "7421": take, "7421a": take, " ack  7421 ": take, "A.7421": take,
		"Tiếp nhận 7421": take, "ĐÃ NHẬN 7421": take, "7421 ok": take, "1 7421": take, "A\u00a07421": take, "Ok 7421!": take,
		"A 7421\n> KHAN: So Tai chinh E 1111":   take,
		"\r\n A 7421":                           take,
		"A 7421 7421":                           take,
		"A":                                     {Action: Take},
		"ok":                                    {Action: Take},
		"AA":                                    {Action: Take, All: true},
		"a tất cả":                              {Action: Take, All: true},
		"E 7421":                                {Action: Escalate, Code: "7421"},
		"chuyển cấp trên 7421":                  {Action: Escalate, Code: "7421"},
		"2":                                     {Action: Escalate},
		"R 7421":                                {Action: Repeat, Code: "7421"},
		"K 7421":                                {Action: Decline, Code: "7421"},
		"không 7421":                            {Action: Decline, Code: "7421"},
		"A 12345":                               {Action: Take, Code: "12345"},
		"":                                      {},
		"alo":                                   {},
		"khong nhan duoc dien thoai cua ai the": {},
		"A 7421 1111":                           {},
		"AA 7421":                               {},
		"xin chao, toi dang hop, goi lai sau nhe 7421": {},
		"KM: nap the tang 20% 7421":                    {},
	}
	for text, want := range tests {
		if got := Parse(text); got != want {
			t.Errorf("Parse(%q) = %+v, want %+v", text, got, want)
		}
	}
}

func TestDigits(t *testing.T) {
	for keys, want := range map[string]Action{
		"": None, "1": Take, "2": Escalate, "3": Repeat, "9": Decline, "31": Take, "13": Take, "91": Take, "19": Decline, "5": None, "33": Repeat, "#1*": Take,
	} {
		if got := Digits(keys); got != want {
			t.Errorf("Digits(%q) = %v, want %v", keys, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"A 7421", "tiếp nhận 7421", "AA", "\x00\xff", strings.Repeat("a", 500)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c := Parse(s)
		if c.Action == None && c != (Command{}) {
			t.Errorf("%q: not understood, yet %+v", s, c)
		}
		if c.Code != "" && (len(c.Code) < 4 || strings.Trim(c.Code, "0123456789") != "") {
			t.Errorf("%q: code %q", s, c.Code)
		}
		if c.Code != "" && !strings.Contains(s, c.Code) {
			t.Errorf("%q: the code %q was invented", s, c.Code)
		}
	})
}
