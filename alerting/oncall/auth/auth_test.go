package auth

import (
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

func TestThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(secret, users(t, password, ""))
		for range freeFailures {
			if _, err := g.Check("an", "wrong", "192.0.2.1"); !errors.Is(err, ErrCredentials) {
				t.Fatal(err)
			}
		}
		if _, err := g.Check("an", password, "192.0.2.9"); !errors.Is(err, ErrThrottled) {
			t.Errorf("from another address the name is not throttled: %v", err)
		}
		if _, err := g.Check("binh", "wrong", "192.0.2.1"); !errors.Is(err, ErrThrottled) {
			t.Errorf("for another name the address is not throttled: %v", err)
		}
		<-time.After(6 * time.Minute)
		if _, err := g.Check("an", password, "192.0.2.1"); err != nil {
			t.Errorf("after a rest: %v", err)
		}
	})
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
