package voice

import (
	"math"
	"regexp"
	"strings"
)

const (
	// loud is the level of speech and peakMost the highest sample, of full scale;
	// telephone networks clip what is louder, and a quiet recording is not heard
	// beside a ringing one.
	loud, peakMost = 0.13, 0.89
	// gainMost bounds what a quiet recording is raised by; its noise comes with it.
	gainMost = 6.0
)

// level brings a clip to the loudness of speech on a telephone line.
func level(clip []int16) []int16 {
	var sum, peak float64
	n := 0
	for _, v := range clip {
		a := math.Abs(float64(v)) / math.MaxInt16
		peak = max(peak, a)
		if a > 0.01 { // pauses do not count
			sum += a * a
			n++
		}
	}
	if n == 0 {
		return clip
	}
	gain := min(loud/math.Sqrt(sum/float64(n)), peakMost/peak, gainMost)
	out := make([]int16, len(clip))
	for i, v := range clip {
		out[i] = int16(math.Round(float64(v) * gain))
	}
	return out
}

// forEar writes a text as a person would say it, where espeak-ng would not:
// addresses, dates, clock times, and the abbreviations of Vietnamese offices.
func forEar(text, lang string) string {
	w := words(lang)
	text = address.ReplaceAllStringFunc(text, func(s string) string {
		m := address.FindStringSubmatch(s)
		host := strings.TrimPrefix(strings.ToLower(m[1]), "www.")
		return strings.ReplaceAll(strings.ReplaceAll(host, "-", " "), ".", w["."])
	})
	text = fourNumbers.ReplaceAllStringFunc(text, func(s string) string { return strings.ReplaceAll(s, ".", w["."]) })
	text = clock.ReplaceAllString(text, w["clock"])
	text = fullDate.ReplaceAllString(text, w["date"])
	if lang == "vi" {
		text = shortDate.ReplaceAllString(text, "$1 ngày $2 tháng $3")
		text = places(offices().Replace(text))
		text = capitals.ReplaceAllStringFunc(text, spellOut)
	}
	text = fraction.ReplaceAllString(text, "$1 "+w["of"]+" $2")
	text = milliseconds.ReplaceAllString(text, "$1 "+w["ms"])
	text = strings.Join(strings.Fields(strings.NewReplacer("_", " ", "/", ", ", "&", w["&"], "—", ", ", "–", ", ", "(", ", ", ")", ", ", "\"", " ").Replace(text)), " ")
	return strings.NewReplacer(" ,", ",", ", :", ":", ", .", ".", ",,", ",").Replace(strings.ReplaceAll(text, " ,", ","))
}

// places says cities, wards and districts in full.
func places(text string) string {
	for re, full := range map[*regexp.Regexp]string{city: "Thành phố ", ward: "Phường ", district: "Quận "} {
		text = re.ReplaceAllString(text, full)
	}
	return text
}

func words(lang string) map[string]string {
	if lang == "en" {
		return map[string]string{".": " dot ", "clock": "$1:$2", "date": "$1/$2/$3", "ms": "milliseconds", "of": "of", "&": " and "}
	}
	return map[string]string{".": " chấm ", "clock": "$1 giờ $2 phút", "date": "ngày $1 tháng $2 năm $3", "ms": "mi li giây", "of": "trên", "&": " và "}
}

var (
	// address is a URL or a host name; the path is not for the ear.
	address     = regexp.MustCompile(`(?i)\b(?:[a-z][a-z0-9+.-]*://)?((?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9])(?::\d+)?(?:/[^\s,;]*[^\s,;.])?/?`)
	fourNumbers = regexp.MustCompile(`\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b`)
	clock       = regexp.MustCompile(`\b0?([0-9]|1[0-9]|2[0-3]):0?([0-9]|[1-5][0-9])(?::[0-5][0-9])?\b`)
	fullDate    = regexp.MustCompile(`\b0?([1-9]|[12][0-9]|3[01])/0?([1-9]|1[0-2])/(20[0-9]{2})\b`)
	// shortDate stands behind a clock or one of few words; else it is a fraction.
	shortDate    = regexp.MustCompile(`(phút,?|hạn|từ|đến|lúc|ngày)(?: ngày)? 0?([1-9]|[12][0-9]|3[01])/0?([1-9]|1[0-2])\b`)
	fraction     = regexp.MustCompile(`\b(\d+)/(\d+)\b`)
	city         = regexp.MustCompile(`\bTP(?:\. ?| )`)
	ward         = regexp.MustCompile(`\bP\. `)
	district     = regexp.MustCompile(`\bQ\. `)
	milliseconds = regexp.MustCompile(`(\d) ?ms\b`)
	capitals     = regexp.MustCompile(`\b[A-Z]{2,6}\b`)
	// syllable is what can be read as a Vietnamese word without accents.
	syllable = regexp.MustCompile(`^(B|C|CH|D|G|GH|GI|H|K|KH|L|M|N|NG|NGH|NH|P|PH|QU|R|S|T|TH|TR|V|X)?[AEIOUY]{1,3}(C|CH|M|N|NG|NH|P|T)?$`)
)

// offices says in full how the offices and systems of Việt Nam are abbreviated.
func offices() *strings.Replacer {
	return strings.NewReplacer(
		"UBND", "Ủy ban nhân dân", "HĐND", "Hội đồng nhân dân", "TT&TT", "Thông tin và Truyền thông", "TTTT", "Thông tin và Truyền thông",
		"KH&CN", "Khoa học và Công nghệ", "KHCN", "Khoa học và Công nghệ", "GD&ĐT", "Giáo dục và Đào tạo", "GDĐT", "Giáo dục và Đào tạo",
		"TN&MT", "Tài nguyên và Môi trường", "NN&PTNT", "Nông nghiệp và Phát triển nông thôn", "KH&ĐT", "Kế hoạch và Đầu tư",
		"LĐTB&XH", "Lao động, Thương binh và Xã hội", "VH&TT", "Văn hóa và Thể thao", "GTVT", "Giao thông vận tải",
		"CNTT", "công nghệ thông tin", "CSDL", "cơ sở dữ liệu", "TTHC", "thủ tục hành chính", "DVC", "dịch vụ công", "TTDL", "trung tâm dữ liệu",
		"TP.HCM", "Thành phố Hồ Chí Minh",
	)
}

// spellOut puts letters apart that no Vietnamese word has in this order, so that
// they are read by their names.
func spellOut(s string) string {
	if syllable.MatchString(s) {
		return s
	}
	return strings.Join(strings.Split(s, ""), " ")
}
