package zone

import (
	"sync"
	"time"

	"watchpost.example/probes/dns/walk"
)

// memory is the only state between looks: since when a server's serial lags,
// the newest serial and the least signature life seen, what was confirmed, and
// the daily questions. It is lost at a restart, which costs one more look
// before a change counts and one more day before a lag is called old; nothing
// in it makes a verdict better than it is.
type memory struct {
	mu    sync.Mutex
	daily map[string]*Hygiene
	lags  map[string]time.Time // zone and server: when the lag was first seen
	known map[string]time.Time // confirmed findings: when last seen
	least map[string]time.Duration
	top   map[string]uint32
}

// hygieneLife is how long a daily answer stands.
const hygieneLife = 24 * time.Hour

// knownLife is how long a confirmed finding needs no second look.
const knownLife = time.Hour

func (m *memory) hygiene(key string, now time.Time) *Hygiene {
	m.mu.Lock()
	defer m.mu.Unlock()
	if h := m.daily[key]; h != nil && now.Sub(h.At) < hygieneLife {
		return h
	}
	return nil
}

func (m *memory) keepHygiene(key string, h *Hygiene) {
	m.mu.Lock()
	defer m.mu.Unlock()
	keep(&m.daily, key, h)
}

// lag notes that a server lags now, or no longer, and gives since when.
func (m *memory) lag(key string, lags bool, now time.Time) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !lags {
		delete(m.lags, key)
		return now
	}
	if since, ok := m.lags[key]; ok {
		return since
	}
	keep(&m.lags, key, now)
	return now
}

func (m *memory) confirmed(key string, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	seen, ok := m.known[key]
	return ok && now.Sub(seen) < knownLife
}

func (m *memory) confirm(key string, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	keep(&m.known, key, now)
}

// habit notes the least signature life seen of a zone and gives the least
// before now; 0 = never seen.
func (m *memory) habit(zone string, left time.Duration) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.least[zone]
	if left > 0 && (before == 0 || left < before) {
		keep(&m.least, zone, left)
	}
	return before
}

// lastSerial gives the newest serial of the last look.
func (m *memory) lastSerial(zone string) (uint32, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, ok := m.top[zone]
	return n, ok
}

func (m *memory) setSerial(zone string, newest uint32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	keep(&m.top, zone, newest)
}

func keep[V any](to *map[string]V, key string, v V) {
	if *to == nil || len(*to) > walk.MaxCache {
		*to = make(map[string]V)
	}
	(*to)[key] = v
}
