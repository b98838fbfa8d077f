package voice

import (
	"math"
	"os/exec"
	"strings"
	"testing"
	"time"

	"watchpost.example/internal/testneed"
)

func TestForEar(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ lang, in, want string }{
		{"vi", "Cổng https://www.so-y-te.example/dang-nhap?x=1 không trả lời.", "Cổng so y te chấm example không trả lời."},
		{"vi", "Hệ thống: www.soyte.example.", "Hệ thống: soyte chấm example."},
		{"vi", "mail.so-y-te.example:587, rồi thôi", "mail chấm so y te chấm example, rồi thôi"},
		{"vi", "DNS trả lời 203.0.113.7, hết hạn 29/12", "D N S trả lời 203 chấm 0 chấm 113 chấm 7, hết hạn ngày 29 tháng 12"},
		{"vi", "Bắt đầu: 02:14:09 05/02/2027 giờ Việt Nam", "Bắt đầu: 2 giờ 14 phút ngày 5 tháng 2 năm 2027 giờ Việt Nam"},
		{"vi", "lúc 07:00", "lúc 7 giờ 0 phút"},
		{"vi", "UBND xã Tân Phú, Sở TT&TT, CSDL", "Ủy ban nhân dân xã Tân Phú, Sở Thông tin và Truyền thông, cơ sở dữ liệu"},
		{"vi", "hệ thống so-y-te/cong (http): http_status_502", "hệ thống so-y-te, cong, http: http status 502"},
		{"vi", "MAT KET NOI HTTP TLS", "MAT KET NOI H T T P T L S"},
		{"vi", "trả lời sau 1234ms", "trả lời sau 1234 mi li giây"},
		{"vi", "3/12 phép kiểm tra thất bại từ 29/8", "3 trên 12 phép kiểm tra thất bại từ ngày 29 tháng 8"},
		{"vi", "từ ngày 05/02", "từ ngày 5 tháng 2"},
		{"vi", "từ 02:14 29/8", "từ 2 giờ 14 phút ngày 29 tháng 8"},
		{"vi", "TP. Vinh, Q. 1, IP. Hết", "Thành phố Vinh, Quận 1, IP. Hết"},
		{"en", "3/12 checks", "3 of 12 checks"},
		{"vi", "Thành phố. Hết.", "Thành phố. Hết."},
		{"en", "Portal https://www.so-y-te.example/ is down since 02:14.", "Portal so y te dot example is down since 2:14."},
		{"en", "UBND took 1234 ms", "UBND took 1234 milliseconds"},
		{"vi", "", ""},
	} {
		if got := forEar(row.in, row.lang); got != row.want {
			t.Errorf("%s %q:\n got %q\nwant %q", row.lang, row.in, got, row.want)
		}
	}
}

// whole are pages as on-call writes them.
func whole() map[string]string {
	return map[string]string{
		"vi": "Hệ thống giám sát báo sự cố nghiêm trọng. Đơn vị: UBND xã Tân Phú. Hệ thống: Cổng dịch vụ công. " +
			"Tình trạng: Tất cả 3 phép kiểm tra của www.dich-vu-cong.example đều thất bại. Bắt đầu lúc hai giờ mười phút, ngày mùng ba tháng mười hai. " +
			"Bấm phím một để tiếp nhận. Bấm phím hai để chuyển cấp trên. Bấm phím ba để nghe lại. Bấm phím chín nếu không thể xử lý.",
		"en": "Critical incident, from the monitoring service. Unit: Health Department. System: Portal. What is wrong: the portal does not answer. " +
			"It began at two ten, December three. Press one to take it. Press two to send it up. Press three to hear it again. Press nine if you can not take it.",
	}
}

// TestHeard listens by measuring: as loud as speech on a line should be, never
// clipped, as long as it takes to say, nothing but pauses in between, and what
// it is about within the first three seconds.
func TestHeard(t *testing.T) {
	t.Parallel()
	testneed.Program(t, "espeak-ng")
	s := speaker{voice: "vi", speed: 150, program: "espeak-ng"}
	for lang, text := range whole() {
		clip, err := s.say(t.Context(), text, lang)
		if err != nil {
			t.Fatal(err)
		}
		length := time.Duration(len(clip)) * time.Second / rate
		said := len(strings.Fields(text))
		t.Logf("%s: %d words in %.1f s", lang, said, length.Seconds())
		if per := length / time.Duration(said); per < 180*time.Millisecond || per > 550*time.Millisecond {
			t.Errorf("%s: %v a word", lang, per)
		}
		checkLoudness(t, lang, clip)
		first, err := s.say(t.Context(), sentences(text)[0], lang)
		if err != nil {
			t.Fatal(err)
		}
		if d := time.Duration(len(first)) * time.Second / rate; hello+d > 4300*time.Millisecond || d > 3600*time.Millisecond {
			t.Errorf("%s: %q takes %v: what the call is comes too late", lang, sentences(text)[0], d)
		}
	}
}

func checkLoudness(t *testing.T, lang string, clip []int16) {
	t.Helper()
	var peak, sum float64
	n, silent, longest, flat := 0, 0, 0, 0
	for i, v := range clip {
		a := math.Abs(float64(v)) / math.MaxInt16
		peak = max(peak, a)
		if a > 0.01 {
			sum += a * a
			n++
			silent = 0
		} else if silent++; silent > longest {
			longest = silent
		}
		if i > 0 && a > 0.85 && v == clip[i-1] {
			flat++
		}
	}
	db := 20 * math.Log10(math.Sqrt(sum/float64(n)))
	t.Logf("%s: peak %.2f, speech at %.1f dBFS, longest pause %d ms", lang, peak, db, longest*1000/rate)
	if peak > 0.9 || peak < 0.3 || flat > 3 {
		t.Errorf("%s: peak %.2f, %d samples cut flat", lang, peak, flat)
	}
	if db < -22 || db > -14 {
		t.Errorf("%s: speech at %.1f dBFS", lang, db)
	}
	if longest > rate*3/2 {
		t.Errorf("%s: %d ms of silence: a person hangs up", lang, longest*1000/rate)
	}
}

// TestNoForeignTongue: espeak-ng switches to English for what it can't read as
// Vietnamese, and nobody understands that on a telephone.
func TestNoForeignTongue(t *testing.T) {
	t.Parallel()
	program := testneed.Program(t, "espeak-ng")
	for _, text := range []string{
		"UBND xã Tân Phú", "Sở TT&TT", "Sở GD&ĐT", "CSDL dân cư", "Trung tâm CNTT", "HTTP 502", "DNS", "TLS hết hạn 29/12", "VNPT", "SMTP", "UBMTTQ", "so-y-te, cong", "02:14 29/8",
	} {
		out, err := exec.CommandContext(t.Context(), program, "-v", "vi", "-q", "-x", forEar(text, "vi")).Output()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(out), "(en)") {
			t.Errorf("%q is said as %q: %s", text, forEar(text, "vi"), out)
		}
	}
}

func TestLevel(t *testing.T) {
	t.Parallel()
	sine := func(amplitude float64) []int16 {
		out := make([]int16, rate)
		for i := range out {
			out[i] = int16(amplitude * math.MaxInt16 * math.Sin(2*math.Pi*300*float64(i)/rate))
		}
		return out
	}
	rms := func(clip []int16) float64 {
		sum := 0.0
		for _, v := range clip {
			sum += float64(v) * float64(v) / math.MaxInt16 / math.MaxInt16
		}
		return math.Sqrt(sum / float64(len(clip)))
	}
	for amplitude, want := range map[float64]float64{1: loud, 0.5: loud, 0.05: loud, 0.012: 0.012 * gainMost / math.Sqrt2} {
		if got := rms(level(sine(amplitude))); math.Abs(got-want) > 0.01 {
			t.Errorf("a sine of %.3f comes at %.3f, want %.3f", amplitude, got, want)
		}
	}
	click := sine(0.02)
	click[100] = math.MaxInt16 / 2
	got := level(click)
	if v := float64(got[100]) / math.MaxInt16; math.Abs(v-peakMost) > 0.001 {
		t.Errorf("the highest sample comes at %.3f, want %.2f", v, peakMost)
	}
	if a, b := got[27], click[27]; math.Abs(float64(a)/float64(b)-2*peakMost) > 0.05 {
		t.Errorf("beside a click, %d comes at %d: all of it is raised alike", b, a)
	}
	for _, quiet := range [][]int16{nil, {}, make([]int16, 100), {1, -1, 2}} {
		level(quiet) // must not divide by zero
	}
}
