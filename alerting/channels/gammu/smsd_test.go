package gammu

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/channels/channeltest"
	"watchpost.example/internal/phonerig"
)

func TestRealModem(t *testing.T) {
	t.Parallel()
	m := phonerig.StartModem(t)
	s := &Settings{Spool: m.Spool, Config: m.Config, DeliveryReports: true, Keep: time.Hour}
	if p := s.Problems(); len(p) > 0 {
		t.Fatal(p)
	}
	c, err := s.Channel("sms", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()

	begun := time.Now()
	r, err := c.Send(ctx, "0900 000 001", channeltest.Page())
	if err != nil || r.Status != alerting.Accepted || r.Page != channeltest.Page().ID {
		t.Fatalf("got %+v, %v", r, err)
	}
	t.Logf("sent by the modem after %v", time.Since(begun).Round(time.Millisecond))
	again := time.Now()
	if r, err := c.Send(ctx, "0900000001", channeltest.Page()); err != nil || r.Detail == "" || time.Since(again) > time.Second {
		t.Errorf("the same page again: %+v, %v: want it known as sent", r, err)
	}

	receipts, replies := make(chan alerting.Receipt), make(chan alerting.Reply)
	done := make(chan error, 1)
	rctx, stop := context.WithCancel(ctx)
	go func() { done <- c.Run(rctx, receipts, replies) }()
	m.Receive(t, 1, "+84900000001", "A 7421 đã nhận")
	select {
	case got := <-replies:
		if got.From != "+84900000001" || got.Text != "A 7421 đã nhận" || got.Channel != "sms" || got.At.IsZero() {
			t.Errorf("got %+v", got)
		}
	case <-ctx.Done():
		t.Fatal("the reply did not come")
	}
	// As smsd puts a delivery report into the inbox; the dummy phone sends none.
	m.Receive(t, 2, "+84900000001", "Delivered")
	select {
	case got := <-receipts:
		if got.Page != channeltest.Page().ID || got.Status != alerting.Delivered {
			t.Errorf("got %+v", got)
		}
	case got := <-replies:
		t.Errorf("the delivery report came as a reply: %+v", got)
	case <-ctx.Done():
		t.Fatal("the receipt did not come")
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}

	h := c.Health(ctx)
	if !h.OK || h.Values["signal_ratio"] != 0.42 || h.Values["modem_sent_total"] != 1 {
		t.Errorf("got %+v; the dummy phone has 42 %% signal", h)
	}
	if strings.Contains(h.Detail, phonerig.PIN) {
		t.Errorf("the PIN is shown: %s", h.Detail)
	}
}
