package wall

import (
	"testing"
	"time"
)

func TestLasted(t *testing.T) {
	for _, c := range []struct {
		d      time.Duration
		vi, en string
	}{{451 * time.Microsecond, "0,45 ms", "0.45 ms"}, {1600 * time.Microsecond, "1,60 ms", "1.60 ms"}, {18 * time.Millisecond, "18 ms", "18 ms"}, {2350 * time.Millisecond, "2,35 giây", "2.35 s"}} {
		if vi, en := texts["vi"].Lasted(c.d), texts["en"].Lasted(c.d); vi != c.vi || en != c.en {
			t.Errorf("%v: got %q and %q, want %q and %q", c.d, vi, en, c.vi, c.en)
		}
	}
}

func TestCoveredTellsAShortMeasurement(t *testing.T) {
	now := time.Now()
	span := func(s State, from, to time.Duration) Span { return Span{now.Add(-from), now.Add(-to), s} }
	for name, c := range map[string]struct {
		spans []Span
		want  time.Duration
	}{
		"two minutes of a day": {[]Span{span(Unknown, 24*time.Hour, 2*time.Minute), span(Down, 2*time.Minute, 0)}, 2 * time.Minute},
		"a whole day":          {[]Span{span(Up, 24*time.Hour, 0)}, 0},
		"nearly whole":         {[]Span{span(Unknown, 24*time.Hour, 23*time.Hour), span(Up, 23*time.Hour, 0)}, 0},
	} {
		if got := covered(c.spans, 24*time.Hour); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

func TestDuration(t *testing.T) {
	for _, c := range []struct {
		d    time.Duration
		want string
	}{{0, "0 giây"}, {-5, "0 giây"}, {59 * time.Second, "59 giây"}, {112 * time.Minute, "1 giờ 52 phút"}, {2 * time.Hour, "2 giờ"}, {51 * time.Hour, "2 ngày 3 giờ"}, {24*time.Hour + time.Minute, "1 ngày"}} {
		if got := texts["vi"].Duration(c.d); got != c.want {
			t.Errorf("%v: got %q, want %q", c.d, got, c.want)
		}
	}
}
