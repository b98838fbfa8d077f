package zone

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"watchpost.example/probes/dns/walk"
)

// Memory is the only state between looks: since when a server's serial lags,
// the zone's newest serial, how much life its signatures have left when they
// are made anew, when it was last found secure, the TTLs of the last looks,
// which findings were confirmed, and the daily questions. Nothing in it makes
// a verdict better than it is.
//
// With a folder it outlives restarts: a small file a zone, see store.go. It is
// safe for concurrent use, and no look ever waits for the disk but the first
// one at a zone.
type Memory struct {
	dir string // "" = forgotten at the end
	log *slog.Logger

	mu    sync.Mutex
	zones map[string]*recollection
	daily map[string]*Hygiene

	disk    sync.Mutex // one flush at a time
	failing bool       // the last flush did, and it was said; under disk
}

// The bounds of what is remembered of one zone.
const (
	maxLags    = 64
	maxKnown   = 256
	maxTTLs    = 2 * MaxWatched
	ttlLooks   = 6 // TTLs remembered of a record
	maxRenewed = 8 // samples of the signer's habit
)

const (
	// hygieneLife is how long a daily answer stands.
	hygieneLife = 24 * time.Hour
	// knownLife is how long a confirmed finding needs no second look.
	knownLife = time.Hour
	// secureLife is how long a zone that is no longer secure is measured by
	// what it was, when no baseline says what it should be.
	secureLife = 30 * 24 * time.Hour
	// minorLife is how long what moves at every look (the clock of "last seen
	// secure", TTLs) may be newer in memory than on disk.
	minorLife = time.Hour
)

// recollection is what is remembered of one zone; also the form of its file.
type recollection struct {
	Format string    `json:"format"`
	Zone   string    `json:"zone"`
	Saved  time.Time `json:"saved"`
	Serial *uint32   `json:"serial,omitempty"` // the newest of the last look
	// Secure is when the zone was last found secure; zero = never.
	Secure time.Time `json:"secure,omitzero"`
	// Expires is the end of the signature that ended first at the last look;
	// Renewed the seconds that were left when such a one was made anew.
	Expires int64   `json:"expires,omitempty"`
	Renewed []int64 `json:"renewed,omitempty"`
	// Lags is by server address: when the lag was first seen.
	Lags map[string]time.Time `json:"lags,omitempty"`
	// Known is the confirmed findings: when last seen.
	Known map[string]time.Time `json:"known,omitempty"`
	TTLs  map[string][]uint32  `json:"ttls,omitempty"` // by record, newest last
	// Registration is what the registry of the domain said, and Ask when it may
	// be asked again.
	Registration *Registration `json:"registration,omitempty"`
	Ask          time.Time     `json:"ask_registry,omitzero"`

	major, minor bool // what is to be written at once, and what within minorLife
}

// NewMemory gives one that is forgotten at the end.
func NewMemory() *Memory { return &Memory{log: slog.New(slog.DiscardHandler)} }

// warm reads the zone's file if that was not done yet, without keeping the other
// zones waiting for the disk.
func (m *Memory) warm(zone string, now time.Time) {
	m.mu.Lock()
	_, ok := m.zones[zone]
	m.mu.Unlock()
	if ok || m.dir == "" {
		return
	}
	r := m.load(zone, now)
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.zones[zone]; !ok {
		m.put(zone, r)
	}
}

// of gives the zone's, read from disk if it was not warmed; under m.mu.
func (m *Memory) of(zone string, now time.Time) *recollection {
	if r, ok := m.zones[zone]; ok {
		return r
	}
	r := m.load(zone, now)
	m.put(zone, r)
	return r
}

// put keeps a zone's, and forgets others that stand on disk when there are as
// many as the walk knows; under m.mu.
func (m *Memory) put(zone string, r *recollection) {
	if m.zones == nil {
		m.zones = make(map[string]*recollection)
	}
	for k, o := range m.zones {
		if len(m.zones) < walk.MaxCache {
			break
		}
		if m.dir == "" || !o.major && !o.minor {
			delete(m.zones, k)
		}
	}
	m.zones[zone] = r
}

func (m *Memory) hygiene(key string, now time.Time) *Hygiene {
	m.mu.Lock()
	defer m.mu.Unlock()
	if h := m.daily[key]; h != nil && now.Sub(h.At) < hygieneLife {
		return h
	}
	return nil
}

func (m *Memory) keepHygiene(key string, h *Hygiene) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.daily == nil || len(m.daily) > walk.MaxCache {
		m.daily = make(map[string]*Hygiene)
	}
	m.daily[key] = h
}

// lag notes that a server lags now, or no longer, and gives since when.
func (m *Memory) lag(zone, server string, lags bool, now time.Time) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.of(zone, now)
	since, ok := r.Lags[server]
	switch {
	case !lags && ok:
		delete(r.Lags, server)
		r.major = true
	case !lags:
	case ok && !since.After(now): // a clock that was set back makes no lag old
		return since
	case len(r.Lags) < maxLags:
		keep(&r.Lags, server, now)
		r.major = true
	}
	return now
}

func (m *Memory) confirmed(zone, key string, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	seen, ok := m.of(zone, now).Known[key]
	return ok && now.Sub(seen) < knownLife && !seen.After(now)
}

// confirm notes the findings of a look.
func (m *Memory) confirm(zone string, keys []string, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.of(zone, now)
	for k, seen := range r.Known {
		if now.Sub(seen) >= knownLife || seen.After(now) {
			delete(r.Known, k)
			r.minor = true
		}
	}
	for _, k := range keys {
		if _, ok := r.Known[k]; !ok {
			if len(r.Known) >= maxKnown {
				return
			}
			r.major = true
		}
		keep(&r.Known, k, now)
		r.minor = true
	}
}

// renewed gives what life signatures usually have left when they are made anew:
// the lower median of the last times; 0 = never seen.
func (m *Memory) renewed(zone string, now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := slices.Sorted(slices.Values(m.of(zone, now).Renewed))
	if len(l) == 0 {
		return 0
	}
	return time.Duration(l[(len(l)-1)/2]) * time.Second
}

// signatures notes how long the shortest signature still holds. When the end
// moved on, the signer was at work, and what was left of the old one is its
// habit; only then: the least ever seen would sink with a signer that stopped,
// and never tell. late = the look before was late already, which is no habit.
func (m *Memory) signatures(zone string, left time.Duration, late bool, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.of(zone, now)
	expires := now.Add(left).Unix()
	if r.Expires != 0 && expires > r.Expires+60 {
		if was := r.Expires - now.Unix(); was > 0 && !late {
			r.Renewed = append(r.Renewed, was)
			r.Renewed = r.Renewed[max(len(r.Renewed)-maxRenewed, 0):]
		}
	}
	if d := expires - r.Expires; d > 60 || d < -60 { // the clocks of two looks differ by their length
		r.Expires, r.major = expires, true
	}
}

// ttls notes the largest TTL of a record and gives those of the last looks,
// this one's last.
func (m *Memory) ttls(zone, record string, ttl uint32, now time.Time) []uint32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.of(zone, now)
	l := r.TTLs[record]
	if l == nil && len(r.TTLs) >= maxTTLs {
		clear(r.TTLs) // names that are no longer watched
	}
	l = append(slices.Clone(l), ttl)
	l = l[max(len(l)-ttlLooks, 0):]
	keep(&r.TTLs, record, l)
	r.minor = true
	return slices.Clone(l)
}

// lastSerial gives the newest serial of the last look.
func (m *Memory) lastSerial(zone string, now time.Time) *uint32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := m.of(zone, now).Serial; n != nil {
		v := *n
		return &v
	}
	return nil
}

func (m *Memory) setSerial(zone string, newest uint32, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.of(zone, now)
	if r.Serial == nil || *r.Serial != newest {
		r.Serial, r.major = &newest, true
	}
}

// wasSecure gives when the zone was last found secure; zero when that is no
// measure any more.
func (m *Memory) wasSecure(zone string, now time.Time) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.of(zone, now).Secure
	if now.Sub(s) > secureLife {
		return time.Time{}
	}
	return s
}

func (m *Memory) secure(zone string, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.of(zone, now)
	r.major = r.major || r.Secure.IsZero()
	r.Secure, r.minor = now, true
}

// registration gives what the registry of a domain said, and whether it is time
// to ask again.
func (m *Memory) registration(domain string, now time.Time) (known *Registration, due bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.of(domain+".", now)
	// A clock that was set back must not make it wait for ever.
	return r.Registration, !now.Before(r.Ask) || r.Ask.Sub(now) > registryEvery
}

func (m *Memory) keepRegistration(domain string, k *Registration, ask time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.of(domain+".", time.Now())
	r.Registration, r.Ask, r.major = k, ask, true
}

func keep[V any](to *map[string]V, key string, v V) {
	if *to == nil {
		*to = make(map[string]V)
	}
	(*to)[key] = v
}

// Run writes what changed every few seconds, and all that is left when ctx ends.
// A process that is killed loses the last seconds of it.
func (m *Memory) Run(ctx context.Context) error {
	t := time.NewTicker(flushEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			m.flush(time.Now(), false)
		case <-ctx.Done():
			m.flush(time.Now(), true)
			return nil
		}
	}
}
