package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// Check compares a password. Unknown names take as long as known ones. Failures
// slow down where they come from, never a name: whoever knows an officer's name
// must not be able to keep him out.
func (g *Guard) Check(name, password, client string) (User, error) {
	now, from := g.now(), origin(client)
	if g.limiter.throttled(from, name, now) {
		return User{}, ErrThrottled
	}
	u, ok := g.list().find(name)
	hash := u.hash
	if !ok {
		hash = []byte(nobody)
	}
	key := g.verified.key(name, string(hash), password)
	if ok && g.verified.has(key, now) {
		return u, nil
	}
	if err := bcrypt.CompareHashAndPassword(hash, []byte(password)); err != nil || !ok {
		g.limiter.fail(from, name, now)
		return User{}, ErrCredentials
	}
	g.limiter.welcome(from, name, now)
	g.verified.add(key, now)
	return u, nil
}

// nobody is the hash of a password that nobody has.
const nobody = "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"

// origin is where failures are counted: an IPv4 address, or the /64 that one
// IPv6 subscriber has all addresses of.
func origin(client string) string {
	ip, err := netip.ParseAddr(client)
	if err != nil {
		return client
	}
	if ip = ip.Unmap().WithZone(""); ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			return p.String()
		}
	}
	return ip.String()
}

const (
	freePair   = 5  // failures of one name from one source that cost nothing
	freeSource = 30 // of all names from one source: many officers share a way out
	mostPair   = 5 * time.Minute
	mostSource = 30 * time.Second
	forgive    = time.Hour // of peace forgets
	maxTracked = 10000
)

// limiter slows down guessing: by source and name, and more mildly by source.
// A source from which a name has signed in is not held up by what others fail
// there (behind one proxy or one NAT).
type limiter struct {
	mu     sync.Mutex
	failed map[[2]string]failures // source and name; the name "" is the source's own count
	known  map[[2]string]time.Time
}

type failures struct {
	n     int
	until time.Time
	last  time.Time
}

func newLimiter() limiter {
	return limiter{failed: map[[2]string]failures{}, known: map[[2]string]time.Time{}}
}

func (l *limiter) throttled(from, name string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	pair := [2]string{from, name}
	if now.Before(l.failed[pair].until) {
		return true
	}
	_, ok := l.known[pair]
	return !ok && now.Before(l.failed[[2]string{from, ""}].until)
}

// fail counts; beyond the free ones each failure costs twice the wait of the one
// before, from a second on.
func (l *limiter) fail(from, name string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget(now)
	l.count([2]string{from, name}, freePair, mostPair, now)
	l.count([2]string{from, ""}, freeSource, mostSource, now)
}

func (l *limiter) count(k [2]string, free int, most time.Duration, now time.Time) {
	f := l.failed[k]
	if now.Sub(f.last) > forgive {
		f = failures{}
	}
	f.n++
	f.last = now
	if over := f.n - free; over >= 0 {
		f.until = now.Add(min(time.Second<<min(over, 20), most))
	}
	l.failed[k] = f
}

// forget bounds the memory: what is old goes first, then anything but what is
// waiting now.
func (l *limiter) forget(now time.Time) {
	if len(l.failed) < maxTracked {
		return
	}
	for k, f := range l.failed {
		if now.Sub(f.last) > forgive {
			delete(l.failed, k)
		}
	}
	for k, f := range l.failed {
		if len(l.failed) < maxTracked*9/10 {
			break
		}
		if now.After(f.until) {
			delete(l.failed, k)
		}
	}
	if len(l.failed) >= maxTracked {
		clear(l.failed)
	}
}

func (l *limiter) welcome(from, name string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	pair := [2]string{from, name}
	delete(l.failed, pair)
	if len(l.known) >= maxTracked {
		clear(l.known)
	}
	l.known[pair] = now
}

const (
	verifiedFor = 10 * time.Minute
	maxVerified = 256
)

// verified remembers that a name and password were found right, so that a
// program that signs in by HTTP Basic does not cost a bcrypt each time. It keeps
// a keyed hash under a key of this process; the password is not in it, and a
// memory dump without that key does not give it away. The user's own hash goes
// in, too, so a changed password counts at once.
type verified struct {
	secret []byte
	mu     sync.Mutex
	until  map[[sha256.Size]byte]time.Time
}

func newVerified() verified {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails since Go 1.24
	return verified{secret: b, until: map[[sha256.Size]byte]time.Time{}}
}

func (v *verified) key(name, hash, password string) (out [sha256.Size]byte) {
	h := hmac.New(sha256.New, v.secret)
	for _, s := range []string{name, hash, password} {
		var n [8]byte
		for i := range n {
			n[i] = byte(len(s) >> (8 * i))
		}
		h.Write(n[:])
		h.Write([]byte(s))
	}
	h.Sum(out[:0])
	return out
}

func (v *verified) has(key [sha256.Size]byte, now time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return now.Before(v.until[key])
}

func (v *verified) add(key [sha256.Size]byte, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.until) >= maxVerified {
		for k, t := range v.until {
			if !now.Before(t) {
				delete(v.until, k)
			}
		}
		if len(v.until) >= maxVerified {
			clear(v.until)
		}
	}
	v.until[key] = now.Add(verifiedFor)
}

func (v *verified) clear() {
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.until)
}
