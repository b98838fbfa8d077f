package gammu

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"watchpost.example/alerting"
)

const (
	// maxWaiting is the age of an unsent file at which the modem counts as down:
	// smsd looks into the outbox every 30 s at the slowest usual setting.
	maxWaiting = 2 * time.Minute
	// monitorTime bounds gammu-smsd-monitor, which reads shared memory.
	monitorTime = 5 * time.Second
)

// Health implements alerting.Channel: can a page be written, does smsd take
// what was written, and what does the modem say of its network.
func (c *channel) Health(ctx context.Context) alerting.Health {
	h := alerting.Health{OK: true, Detail: "the spool is writable", Values: map[string]float64{}}
	bad := func(text string) { h.OK, h.Detail = false, text }
	if c.credit != nil {
		h.Credit = c.credit.show()
	}
	probe := filepath.Join(c.dir("outbox"), tmpPrefix+"health")
	if err := os.WriteFile(probe, nil, 0o600); err != nil {
		bad("the outbox is not writable: " + err.Error())
		return h
	}
	if err := os.Remove(probe); err != nil {
		bad("the outbox is not writable: " + err.Error())
	}
	names, err := c.list("outbox", "OUT")
	if err != nil {
		bad("the outbox is not readable: " + err.Error())
		return h
	}
	var oldest time.Duration
	for _, n := range names {
		if info, err := os.Lstat(filepath.Join(c.dir("outbox"), n)); err == nil {
			oldest = max(oldest, time.Since(info.ModTime()))
		}
	}
	h.Values["queue_length"], h.Values["queue_age_seconds"] = float64(len(names)), oldest.Seconds()
	if oldest > maxWaiting {
		bad(fmt.Sprintf("an SMS waits for the modem since %s: is gammu-smsd running?", oldest.Round(time.Second)))
	}
	if c.stuck.Load() {
		bad("the inbox can't be read or emptied: replies are lost; watchpost's log says why")
	}
	if c.set.Config != "" {
		c.modem(ctx, &h)
	}
	if h.OK && h.Credit != nil {
		h.Detail += "; " + credits(*h.Credit)
	}
	return h
}

// credits says in words what is left on the SIM. A SIM without credit still
// receives, so the channel is not called dead for it; rules warn in time.
func credits(k alerting.Credit) string {
	text := "credit not known"
	if !k.At.IsZero() {
		text = fmt.Sprintf("credit %s %s", strconv.FormatFloat(k.Amount, 'f', -1, 64), k.Currency)
		if k.Amount < k.Minimum {
			text += ", top it up"
		}
		text += ", told " + k.At.UTC().Format(time.RFC3339)
	}
	if k.Problem != "" {
		text += "; " + k.Problem
	}
	return text
}

// modem asks gammu-smsd-monitor. Its output is never quoted: it has the SIM's
// PIN in clear.
func (c *channel) modem(ctx context.Context, h *alerting.Health) {
	ctx, cancel := context.WithTimeout(ctx, monitorTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "gammu-smsd-monitor", "-c", c.set.Config, "-n", "1", "-d", "0", "-C")
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	status, ok := parseStatus(string(out))
	if err != nil || !ok {
		h.OK, h.Detail = false, "gammu-smsd-monitor finds no running gammu-smsd"
		return
	}
	maps.Copy(h.Values, status)
	if h.OK && status["signal_ratio"] > 0 {
		h.Detail = fmt.Sprintf("signal %.0f %%", 100*status["signal_ratio"])
	}
}

// parseStatus reads the monitor's last line:
// client;phone;IMEI;IMSI;sent;received;failed;battery;signal.
func parseStatus(out string) (map[string]float64, bool) {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	f := strings.Split(lines[len(lines)-1], ";")
	if len(f) < 9 {
		return nil, false
	}
	f = f[len(f)-9:]
	status := map[string]float64{}
	for i, name := range map[int]string{4: "modem_sent_total", 5: "modem_received_total", 6: "modem_failed_total", 8: "signal_ratio"} {
		v, err := strconv.ParseFloat(strings.TrimSpace(f[i]), 64)
		if err != nil || v < 0 {
			continue // -1: the modem does not tell
		}
		if name == "signal_ratio" {
			v = min(v/100, 1)
		}
		status[name] = v
	}
	return status, true
}
