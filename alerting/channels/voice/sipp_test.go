package voice

import (
	"testing"
	"time"

	"watchpost.example/alerting"
	"watchpost.example/alerting/channels/channeltest"
	"watchpost.example/internal/phonerig"
	"watchpost.example/internal/testneed"
)

// TestSipp calls the real sipp, which presses 1.
func TestSipp(t *testing.T) {
	t.Parallel()
	testneed.Program(t, "espeak-ng")
	p := phonerig.StartSipp(t, "127.0.77.1", phonerig.Takes(2*time.Second), 1)
	c := phone(t, p.Addr, nil)
	page := channeltest.Page()
	page.Speech = "Hệ thống giám sát báo sự cố nghiêm trọng. Đơn vị: một. Bấm phím một để tiếp nhận."
	begun := time.Now()
	r, err := sendPage(t, c, page, 40*time.Second)
	t.Logf("Send took %v: %s", time.Since(begun).Round(time.Millisecond), r.Detail)
	if err != nil || r.Digits != "1" || r.Status != alerting.Acknowledged {
		t.Errorf("got %+v, %v", r, err)
	}
	if err := p.Wait(10 * time.Second); err != nil || p.Byes() != 1 { // every step of the scenario was met
		t.Errorf("%v; %d calls were ended by us", err, p.Byes())
	}
}
