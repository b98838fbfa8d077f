package oncall

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"watchpost.example/alerting"
)

// collected are the metrics of one channel's credit.
type collected struct {
	m *metrics
	c *alerting.Credit
}

func (c collected) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.m.credit
	ch <- c.m.creditMin
	ch <- c.m.creditAt
}

func (c collected) Collect(ch chan<- prometheus.Metric) {
	c.m.collectCredit("sms", c.c, func(d *prometheus.Desc, x float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, x, labels...)
	})
}

// TestCreditMetrics: not watched, not told yet, told; an amount that was never
// told is no 0 that somebody would be woken for.
func TestCreditMetrics(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		c    *alerting.Credit
		want []string
	}{
		"not watched":  {nil, nil},
		"not told yet": {&alerting.Credit{Minimum: 20000, Currency: "VND"}, []string{`channel_credit_minimum{channel="sms",currency="VND"} 20000`, `channel_credit_timestamp_seconds{channel="sms"} 0`}},
		"told": {
			&alerting.Credit{Amount: 18500, Minimum: 20000, Currency: "VND", At: time.Unix(1_800_000_000, 0)},
			[]string{`channel_credit{channel="sms",currency="VND"} 18500`, `channel_credit_minimum{channel="sms",currency="VND"} 20000`, `channel_credit_timestamp_seconds{channel="sms"} 1.8e+09`},
		},
		"empty": {
			&alerting.Credit{Currency: "VND", At: time.Unix(1_800_000_000, 0)},
			[]string{`channel_credit{channel="sms",currency="VND"} 0`, `channel_credit_timestamp_seconds{channel="sms"} 1.8e+09`},
		},
	} {
		b, err := testutil.CollectAndFormat(collected{newMetrics(nil), row.c}, expfmt.TypeTextPlain, "watchpost_oncall_channel_credit", "watchpost_oncall_channel_credit_minimum", "watchpost_oncall_channel_credit_timestamp_seconds")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for line := range strings.Lines(string(b)) {
			if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "watchpost_oncall_"); ok {
				got = append(got, rest)
			}
		}
		if strings.Join(got, "\n") != strings.Join(row.want, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(row.want, "\n"))
		}
	}
}
