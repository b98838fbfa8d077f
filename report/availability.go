package report

import (
	"encoding/json"
	"math/big"
	"strings"
	"time"
)

// Tally is the time spent in each class. The five always sum to the period.
type Tally [classCount]time.Duration

// Tally adds up the timeline.
func (t Timeline) Tally() Tally {
	var y Tally
	for _, s := range t {
		y[s.Class] += s.Len()
	}
	return y
}

// Total is the period's length.
func (y Tally) Total() time.Duration {
	var d time.Duration
	for _, x := range y {
		d += x
	}
	return d
}

// Availability is 1 − down / (period − maintenance − unknown).
func (y Tally) Availability() Ratio {
	den := y[Up] + y[Degraded] + y[Down]
	return Ratio{Good: den - y[Down], Of: den}
}

// Pessimistic is the same with Unknown counted as down: the figure that cannot
// be talked up by stopping the watch.
func (y Tally) Pessimistic() Ratio {
	return Ratio{Good: y[Up] + y[Degraded], Of: y.Total() - y[Maintenance]}
}

// MarshalJSON writes seconds under the classes' names: "down_seconds".
func (y Tally) MarshalJSON() ([]byte, error) {
	m := map[string]float64{}
	for _, c := range Classes() {
		m[c.String()+"_seconds"] = y[c].Seconds()
	}
	return json.Marshal(m)
}

// Ratio is a share of time, kept as its two durations, so that rounding is
// exact and "nothing measured" is not a number.
type Ratio struct {
	Good, Of time.Duration
}

// Known is false when not one second was measured.
func (r Ratio) Known() bool { return r.Of > 0 }

// Float is the share, 0 to 1; only for arithmetic, never for print.
func (r Ratio) Float() float64 {
	if !r.Known() {
		return 0
	}
	return float64(r.Good) / float64(r.Of)
}

// Percent gives the share in percent with the decimals asked for, rounded
// down, with a decimal point: "99.99". "" when nothing is known.
func (r Ratio) Percent(decimals int) string {
	if !r.Known() {
		return ""
	}
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(decimals)+2), nil)
	n := new(big.Int).Mul(big.NewInt(int64(r.Good)), scale)
	n.Quo(n, big.NewInt(int64(r.Of)))
	s := n.String()
	if decimals == 0 {
		return s
	}
	if len(s) <= decimals {
		s = strings.Repeat("0", decimals+1-len(s)) + s
	}
	return s[:len(s)-decimals] + "." + s[len(s)-decimals:]
}

// MarshalJSON writes null when nothing is known, else the percentage as text
// with three decimals beside the share.
func (r Ratio) MarshalJSON() ([]byte, error) {
	if !r.Known() {
		return []byte("null"), nil
	}
	return json.Marshal(struct {
		Percent string  `json:"percent"`
		Ratio   float64 `json:"ratio"`
	}{r.Percent(3), r.Float()})
}

// Mean is the arithmetic mean of the known ratios, each weighing the same; not
// known when none is. It is kept in parts of 10^12 and rounded down.
func Mean(rs []Ratio) Ratio {
	const unit = 1_000_000_000_000
	sum, n := new(big.Int), int64(0)
	for _, r := range rs {
		if !r.Known() {
			continue
		}
		x := new(big.Int).Mul(big.NewInt(int64(r.Good)), big.NewInt(unit))
		sum.Add(sum, x.Quo(x, big.NewInt(int64(r.Of))))
		n++
	}
	if n == 0 {
		return Ratio{}
	}
	return Ratio{Good: time.Duration(sum.Quo(sum, big.NewInt(n)).Int64()), Of: unit}
}
