package auth

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"
)

const password = "correct horse battery"

func users(t *testing.T, secret, more string) *Users {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(secret), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	u, problems := Parse("users.yaml", fmt.Appendf(nil, "users:\n  - {name: an, person: nguyen-an, role: act, password: %q}\n%s", h, more))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	return u
}

var secret = []byte("0123456789abcdef0123456789abcdef")

func request(remote string, header ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = remote
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func TestSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(secret, users(t, password, ""))
		u, err := g.Check("an", password, "192.0.2.1")
		if err != nil || u.Who() != "nguyen-an" || !u.Role.May(Act) || u.Role.May(Admin) {
			t.Fatalf("%+v %v", u, err)
		}
		value, _ := g.Session(u)
		with := func(v string) bool {
			r := request("192.0.2.1:1")
			r.AddCookie(&http.Cookie{Name: Cookie, Value: v})
			_, ok := g.Request(r)
			return ok
		}
		if !with(value) {
			t.Error("the session is not known again")
		}
		for i := range len(value) - 1 { // the last letter may hold unused bits
			b := []byte(value)
			b[i] ^= 1
			if with(string(b)) {
				t.Errorf("with letter %d changed it is a session, too", i)
			}
		}
		if !g.CheckForm(u, g.Form(u)) || g.CheckForm(u, "") || g.CheckForm(User{Name: "binh"}, g.Form(u)) {
			t.Error("form tokens")
		}
		g.SetUsers(users(t, "another long password", ""))
		if with(value) {
			t.Error("the session outlived a change of the password")
		}
		g.SetUsers(users(t, password, ""))
		value, _ = g.Session(g.list().users[0])
		<-time.After(SessionFor + time.Second)
		if with(value) {
			t.Error("the session outlived its time")
		}
	})
}

// Guessing is slowed down where it comes from; the officer whose name is guessed
// at gets in from elsewhere, and from where he has signed in before.
func TestThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(secret, users(t, password, ""))
		check := func(name, pw, from string, want error) {
			t.Helper()
			if _, err := g.Check(name, pw, from); !errors.Is(err, want) {
				t.Errorf("%s from %s: %v, want %v", name, from, err, want)
			}
		}
		check("an", password, "192.0.2.1", nil)
		for range freePair {
			check("an", "wrong", "192.0.2.7", ErrCredentials)
		}
		check("an", password, "192.0.2.7", ErrThrottled) // also the right one: no oracle
		check("an", password, "192.0.2.9", nil)
		check("binh", "wrong", "192.0.2.7", ErrCredentials)
		<-time.After(6 * time.Minute)
		check("an", password, "192.0.2.7", nil)

		// Many names from one place, such as a proxy that everybody comes through.
		for i := range freeSource {
			g.limiter.fail("192.0.2.1", fmt.Sprintf("u%d", i), g.now()) // Check would cost a bcrypt each
		}
		check("binh", password, "192.0.2.1", ErrThrottled)
		check("an", password, "192.0.2.1", nil) // has signed in from there
		<-time.After(mostSource + time.Second)
		check("binh", "wrong", "192.0.2.1", ErrCredentials)

		// One subscriber has a whole /64.
		for i := range freePair {
			check("an", "wrong", fmt.Sprintf("2001:db8::%d", i), ErrCredentials)
		}
		check("an", password, "2001:db8::ffff", ErrThrottled)
		check("an", password, "2001:db8:0:1::1", nil)
	})
}

// A thousand sources don't grow the memory for ever, and don't free the one that
// is waiting now.
func TestThrottleIsBounded(t *testing.T) {
	l := newLimiter()
	now := time.Now()
	for range freePair {
		l.fail("bad", "an", now)
	}
	l.failed[[2]string{"bad", "an"}] = failures{n: 50, until: now.Add(mostPair), last: now}
	for i := range 3 * maxTracked {
		l.fail(fmt.Sprint(i), "x", now)
	}
	if n := len(l.failed); n > maxTracked+2 {
		t.Errorf("%d sources are kept", n)
	}
	if !l.throttled("bad", "an", now) {
		t.Error("a flood from elsewhere freed the one that waits")
	}
}

// The second time a password costs no bcrypt, until something changes.
func TestRightPasswordIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(secret, users(t, password, ""))
		remembered := func(pw string) bool {
			u, _ := g.list().find("an")
			return g.verified.has(g.verified.key("an", string(u.hash), pw), g.now())
		}
		if remembered(password) {
			t.Fatal("before it was ever seen")
		}
		if _, err := g.Check("an", password, "192.0.2.1"); err != nil || !remembered(password) {
			t.Fatalf("not remembered: %v", err)
		}
		_, _ = g.Check("an", "wrong", "192.0.2.1") // refused
		if remembered("wrong") || remembered(password+"\x00") || remembered("") {
			t.Error("a wrong one is remembered")
		}
		if g.verified.key("a", "bc", "d") == g.verified.key("ab", "c", "d") {
			t.Error("parts run into each other")
		}
		if v := newVerified(); v.secretIs(g.verified.secret) {
			t.Error("two processes have the same key")
		}
		<-time.After(verifiedFor)
		if remembered(password) {
			t.Error("it is remembered for ever")
		}
		_, _ = g.Check("an", password, "192.0.2.1") // right
		g.SetUsers(users(t, "another long password", ""))
		if _, err := g.Check("an", password, "192.0.2.1"); !errors.Is(err, ErrCredentials) {
			t.Errorf("the old password after a change: %v", err)
		}
		for i := range 3 * maxVerified {
			g.verified.add(g.verified.key("an", "", fmt.Sprint(i)), g.now())
		}
		if n := len(g.verified.until); n > maxVerified {
			t.Errorf("%d are remembered", n)
		}
	})
}

func (v *verified) secretIs(b []byte) bool { return bytes.Equal(v.secret, b) }

func BenchmarkBasic(b *testing.B) {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost)
	if err != nil {
		b.Fatal(err)
	}
	g := New(secret, &Users{users: []User{{Name: "an", Role: Act, hash: hash}}})
	for name, each := range map[string]func(){"remembered": func() {}, "bcrypt": g.verified.clear} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				each()
				if _, err := g.Check("an", password, "192.0.2.1"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestProxyIsBelievedFromItsNetworkOnly(t *testing.T) {
	g := New(secret, users(t, password, "proxy: {header: X-Remote-User, role_header: X-Role, role: view, from: [127.0.0.0/8]}\n"))
	for _, tt := range []struct {
		remote, user, role string
		ok                 bool
		want               Role
	}{
		{"127.0.0.1:5", "an", "", true, Act},
		{"127.0.0.1:5", "stranger", "", true, View},
		{"127.0.0.1:5", "stranger", "admin", true, Admin},
		{"[::ffff:127.0.0.1]:5", "an", "", true, Act},
		{"192.0.2.1:5", "an", "", false, None},
		{"127.0.0.1:5", "", "admin", false, None},
		{"nonsense", "an", "", false, None},
	} {
		u, ok := g.Request(request(tt.remote, "X-Remote-User", tt.user, "X-Role", tt.role, "X-Forwarded-For", "127.0.0.1"))
		if ok != tt.ok || u.Role != tt.want {
			t.Errorf("%+v: %v %q", tt, ok, u.Role)
		}
	}
}

func TestMistakesDoNotShowSecrets(t *testing.T) {
	_, problems := Parse("users.yaml", []byte("users:\n  - {name: an, role: actor, password: hunter2hunter2}\n  - {name: an, role: act, password: ''}\nproxy: {header: X-User}\n"))
	got := problems.Error()
	for _, want := range []string{`"actor" is not a role`, "bcrypt", "taken by an earlier user", "named networks"} {
		if !strings.Contains(got, want) {
			t.Errorf("missing %q in %s", want, got)
		}
	}
	if strings.Contains(got, "hunter2") {
		t.Errorf("the password is in the message: %s", got)
	}
}

func TestNobodyWithoutUsers(t *testing.T) {
	g := New(secret, nil)
	if _, ok := g.Request(request("127.0.0.1:1", "X-Remote-User", "root")); ok {
		t.Error("somebody got in")
	}
	if _, err := g.Check("", "", "x"); !errors.Is(err, ErrCredentials) {
		t.Error(err)
	}
}

func TestHash(t *testing.T) {
	h, err := Hash(password)
	if err != nil || bcrypt.CompareHashAndPassword([]byte(h), []byte(password)) != nil {
		t.Errorf("%q %v", h, err)
	}
	if _, err := Hash("short"); err == nil {
		t.Error("a short password was taken")
	}
}
