package words

import (
	"fmt"
	"strings"
	"time"
)

var (
	viDigits = [...]string{"không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín"}
	enSmall  = [...]string{
		"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
		"thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
	}
	enTens = [...]string{"", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"}
)

// Number speaks n, from 0 to 999,999; others are given in digits.
func Number(n int, lang string) string {
	if n < 0 || n > 999999 {
		return fmt.Sprint(n)
	}
	if lang == "en" {
		return enNumber(n)
	}
	return viNumber(n)
}

// viNumber follows the spoken rules: mười/mươi, mốt, tư after mươi stays bốn in
// formal speech, lăm, linh.
func viNumber(n int) string {
	switch {
	case n < 10:
		return viDigits[n]
	case n < 100:
		return viTens(n)
	case n < 1000:
		s := viDigits[n/100] + " trăm"
		switch r := n % 100; {
		case r == 0:
			return s
		case r < 10:
			return s + " linh " + viDigits[r]
		default:
			return s + " " + viTens(r)
		}
	}
	s := viNumber(n/1000) + " nghìn"
	switch r := n % 1000; {
	case r == 0:
		return s
	case r < 10:
		return s + " không trăm linh " + viDigits[r]
	case r < 100:
		return s + " không trăm " + viTens(r)
	default:
		return s + " " + viNumber(r)
	}
}

func viTens(n int) string {
	t, u := n/10, n%10
	s := "mười"
	if t > 1 {
		s = viDigits[t] + " mươi"
	}
	switch {
	case u == 0:
		return s
	case u == 1 && t > 1:
		return s + " mốt"
	case u == 5:
		return s + " lăm"
	}
	return s + " " + viDigits[u]
}

func enNumber(n int) string {
	switch {
	case n < 20:
		return enSmall[n]
	case n < 100:
		s := enTens[n/10]
		if n%10 > 0 {
			s += " " + enSmall[n%10]
		}
		return s
	case n < 1000:
		s := enSmall[n/100] + " hundred"
		if n%100 > 0 {
			s += " and " + enNumber(n%100)
		}
		return s
	}
	s := enNumber(n/1000) + " thousand"
	if r := n % 1000; r > 0 && r < 100 {
		s += " and " + enNumber(r)
	} else if r > 0 {
		s += " " + enNumber(r)
	}
	return s
}

// Digits speaks a code digit by digit.
func Digits(code, lang string) string {
	var out []string
	for _, c := range code {
		if c >= '0' && c <= '9' {
			out = append(out, Number(int(c-'0'), lang))
		}
	}
	return strings.Join(out, ", ")
}

// SpokenTime is a clock time and date for the ear.
func SpokenTime(t time.Time, lang string) string {
	if lang == "en" {
		minute := "o'clock"
		if m := t.Minute(); m > 0 {
			minute = enNumber(m)
			if m < 10 {
				minute = "oh " + minute
			}
		}
		return fmt.Sprintf("%s %s, %s %s", enNumber(t.Hour()), minute, t.Month(), enNumber(t.Day()))
	}
	clock := viNumber(t.Hour()) + " giờ"
	if t.Minute() > 0 {
		clock += " " + viNumber(t.Minute()) + " phút"
	}
	return fmt.Sprintf("%s, ngày %s tháng %s", clock, viDay(t.Day()), viMonth(int(t.Month())))
}

// viDay: the first ten days are "mùng".
func viDay(d int) string {
	if d <= 10 {
		return "mùng " + viNumber(d)
	}
	return viNumber(d)
}

// viMonth: April is "tư".
func viMonth(m int) string {
	if m == 4 {
		return "tư"
	}
	return viNumber(m)
}

// Clock is "02:14 29/8", the day without zeros as officials write it, except
// that months 1 and 2 are padded (Nghị định 30/2020/NĐ-CP).
func Clock(t time.Time) string {
	month := fmt.Sprint(int(t.Month()))
	if t.Month() <= 2 {
		month = "0" + month
	}
	return fmt.Sprintf("%s %02d/%s", t.Format("15:04"), t.Day(), month)
}

// Duration is "1 giờ 52 phút", "45 giây"; at most two parts.
func Duration(d time.Duration, lang string) string {
	units := []struct {
		d      time.Duration
		vi, en string
	}{{24 * time.Hour, "ngày", "d"}, {time.Hour, "giờ", "h"}, {time.Minute, "phút", "min"}, {time.Second, "giây", "s"}}
	d = d.Round(time.Second)
	var parts []string
	for _, u := range units {
		n := int(d / u.d)
		d %= u.d
		if n == 0 {
			if len(parts) > 0 {
				break
			}
			continue
		}
		word := u.vi
		if lang == "en" {
			word = u.en
		}
		parts = append(parts, fmt.Sprintf("%d %s", n, word))
		if len(parts) == 2 {
			break
		}
	}
	if len(parts) == 0 {
		if lang == "en" {
			return "0 s"
		}
		return "0 giây"
	}
	return strings.Join(parts, " ")
}
