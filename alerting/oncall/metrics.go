package oncall

import (
	"maps"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"watchpost.example/alerting"
	"watchpost.example/alerting/oncall/incident"
	"watchpost.example/alerting/oncall/outbox"
)

// counts are the figures that only rise; the desk owns them.
type counts struct {
	attempts map[[2]string]float64 // channel, result
	replies  map[string]float64    // result
	webhooks float64
	repeats  float64
	refuses  map[string]time.Time // what of the disk refuses, since when
}

func newCounts() counts {
	return counts{attempts: map[[2]string]float64{}, replies: map[string]float64{}, refuses: map[string]time.Time{}}
}

func (c *counts) attempt(e outbox.Event) {
	result := "sent"
	if e.Status == alerting.Failed {
		result = "failed"
	}
	c.attempts[[2]string{e.Delivery.Channel, result}]++
	if e.Delivery.Repeat {
		c.repeats++
	}
}

func (c *counts) clone() counts {
	out := *c
	out.attempts, out.replies, out.refuses = maps.Clone(c.attempts), maps.Clone(c.replies), maps.Clone(c.refuses)
	return out
}

// metrics is the one place where a metric of on-call is named.
type metrics struct {
	s                                                              *Service
	incidents, oldest, officer, onDuty, gap, saved                 *prometheus.Desc
	queue, queueAge, attempts, channelOK, channelValue, heartbeat  *prometheus.Desc
	heartbeatLost, replies, webhooks, repeats, lastTurn, shiftTest *prometheus.Desc
	credit, creditMin, creditAt                                    *prometheus.Desc
}

func newMetrics(s *Service) *metrics {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("watchpost_oncall_"+name, help, labels, nil)
	}
	return &metrics{
		s:             s,
		incidents:     d("incidents", "Live incidents.", "status", "severity"),
		oldest:        d("oldest_open_incident_timestamp_seconds", "When the oldest incident that nobody has taken was opened; absent without one."),
		officer:       d("officer_info", "Who is on duty: 1 for each, by role.", "person", "role"),
		onDuty:        d("officers_on_duty", "Officers on duty now."),
		gap:           d("roster_gap_timestamp_seconds", "The first moment within the horizon at which nobody is on duty; absent without a gap."),
		saved:         d("saved", "1 when store and journal take what is written, 0 when the disk refuses."),
		queue:         d("queue_pages", "Pages that wait to be sent.", "channel"),
		queueAge:      d("queue_oldest_timestamp_seconds", "When the oldest page that waits was made; absent without one.", "channel"),
		attempts:      d("attempts_total", "Pages handed to a channel, by result.", "channel", "result"),
		channelOK:     d("channel_up", "1 when the channel says that it works.", "channel"),
		channelValue:  d("channel_value", "What a channel tells of itself: signal_ratio, registered.", "channel", "name"),
		credit:        d("channel_credit", "What is left on a channel's SIM or account, as the carrier said last; absent until it did.", "channel", "currency"),
		creditMin:     d("channel_credit_minimum", "Below this somebody must top up; absent when no limit is set.", "channel", "currency"),
		creditAt:      d("channel_credit_timestamp_seconds", "When the carrier last told the credit, 0 = never; absent when it is not watched.", "channel"),
		heartbeat:     d("heartbeat_timestamp_seconds", "When a source was last heard of.", "source"),
		heartbeatLost: d("heartbeat_lost", "1 when a source has been silent for too long.", "source"),
		replies:       d("replies_total", "Messages from phones, by result.", "result"),
		webhooks:      d("webhooks_total", "Webhooks taken from Alertmanager."),
		repeats:       d("possible_repeats_total", "Pages that may have been sent twice because of a crash."),
		lastTurn:      d("desk_timestamp_seconds", "When the desk last did its round; it does so at least every 10 s."),
		shiftTest:     d("shift_test_open", "1 while the test page of the present shift has not been answered."),
	}
}

// Describe sends every description.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		m.incidents, m.oldest, m.officer, m.onDuty, m.gap, m.saved, m.queue, m.queueAge, m.attempts, m.channelOK, m.channelValue,
		m.heartbeat, m.heartbeatLost, m.replies, m.webhooks, m.repeats, m.lastTurn, m.shiftTest, m.credit, m.creditMin, m.creditAt,
	} {
		ch <- d
	}
}

// Collect tells the newest picture.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	v := m.s.View()
	gauge := func(d *prometheus.Desc, x float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, x, labels...)
	}
	counter := func(d *prometheus.Desc, x float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, x, labels...)
	}
	m.collectIncidents(v, gauge)
	m.collectDuty(v, gauge)
	m.collectChannels(v, gauge, counter)
	lost := map[string]bool{}
	for _, name := range v.Lost {
		lost[name] = true
	}
	for name, at := range v.Heard {
		gauge(m.heartbeat, unix(at), name)
		gauge(m.heartbeatLost, one(lost[name]), name)
	}
	for _, result := range []string{"understood", "not_understood", "no_such_incident", "unknown_sender"} {
		counter(m.replies, v.counts.replies[result], result)
	}
	counter(m.webhooks, v.counts.webhooks)
	counter(m.repeats, v.counts.repeats)
	gauge(m.saved, one(v.Saved))
	gauge(m.lastTurn, unix(v.At))
}

func (m *metrics) collectIncidents(v *View, gauge func(*prometheus.Desc, float64, ...string)) {
	n := map[[2]string]float64{}
	for _, st := range []incident.Status{incident.Open, incident.Acknowledged} {
		for _, sev := range []string{alerting.Critical, alerting.Warning, alerting.Info} {
			n[[2]string{string(st), sev}] = 0
		}
	}
	var oldest time.Time
	testOpen := false
	for _, in := range v.Incidents {
		if !in.Status.Live() {
			continue
		}
		if in.Kind == incident.KindTest {
			testOpen = testOpen || in.Policy == "shift-test"
			continue
		}
		severity := in.Severity
		if incident.Rank(severity) == 2 {
			severity = alerting.Critical // whatever word Alertmanager sent is no label of ours
		}
		n[[2]string{string(in.Status), severity}]++
		if in.Status == incident.Open && !in.Drill && incident.Rank(in.Severity) == 2 {
			sooner(&oldest, in.Opened)
		}
	}
	for k, x := range n {
		gauge(m.incidents, x, k[0], k[1])
	}
	if !oldest.IsZero() {
		gauge(m.oldest, unix(oldest))
	}
	gauge(m.shiftTest, one(testOpen))
}

func (m *metrics) collectDuty(v *View, gauge func(*prometheus.Desc, float64, ...string)) {
	seen := map[[2]string]bool{}
	officer := func(id, role string) {
		if id != "" && !seen[[2]string{id, role}] {
			seen[[2]string{id, role}] = true
			gauge(m.officer, 1, id, role)
		}
	}
	duty := v.Roster.At(time.Now())
	for _, id := range duty.Officers {
		officer(id, "officer")
	}
	officer(duty.Deputy, "deputy")
	officer(duty.Hotline, "hotline")
	gauge(m.onDuty, float64(len(duty.Officers)))
	if !v.GapAt.IsZero() {
		gauge(m.gap, unix(v.GapAt))
	}
}

func (m *metrics) collectChannels(v *View, gauge, counter func(*prometheus.Desc, float64, ...string)) {
	for name, c := range v.channels {
		gauge(m.queue, float64(c.stats.Waiting), name)
		if !c.stats.Oldest.IsZero() {
			gauge(m.queueAge, unix(c.stats.Oldest), name)
		}
		for _, result := range []string{"sent", "failed"} {
			counter(m.attempts, v.counts.attempts[[2]string{name, result}], name, result)
		}
		h, ok := m.s.health.Load(name)
		if !ok {
			continue
		}
		health, ok := h.(alerting.Health)
		if !ok {
			continue
		}
		gauge(m.channelOK, one(health.OK), name)
		for k, x := range health.Values {
			if len(k) <= 64 {
				gauge(m.channelValue, x, name, k)
			}
		}
		m.collectCredit(name, health.Credit, gauge)
	}
}

func (m *metrics) collectCredit(name string, c *alerting.Credit, gauge func(*prometheus.Desc, float64, ...string)) {
	switch {
	case c == nil:
		return
	case c.At.IsZero():
		gauge(m.creditAt, 0, name)
	default:
		gauge(m.creditAt, unix(c.At), name)
		gauge(m.credit, c.Amount, name, c.Currency)
	}
	if c.Minimum > 0 {
		gauge(m.creditMin, c.Minimum, name, c.Currency)
	}
}

func unix(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
