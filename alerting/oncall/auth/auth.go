// Package auth tells who is asking: a user of a file with a session cookie or
// HTTP Basic, or whom a trusted reverse proxy names in a header.
package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"

	"watchpost.example/inventory/source"
)

// Role is what a user may do; each includes the ones before it.
type Role string

// The roles.
const (
	None  Role = ""
	View  Role = "view"  // see incidents and the roster
	Act   Role = "act"   // acknowledge, escalate, note, silence, close
	Admin Role = "admin" // tests, drills, everything
)

// May tells whether the role includes another.
func (r Role) May(need Role) bool { return r.rank() >= need.rank() }

func (r Role) rank() int { return slices.Index([]Role{None, View, Act, Admin}, r) }

// User is who may sign in.
type User struct {
	Name   string
	Person string // ID in the roster, under which actions are recorded; "" = Name
	Role   Role
	hash   []byte
}

// Who is the ID under which the user's actions are recorded.
func (u User) Who() string {
	if u.Person != "" {
		return u.Person
	}
	return u.Name
}

// Proxy is a reverse proxy that signs people in. Its headers are believed only
// from its own addresses.
type Proxy struct {
	Header     string // with the user's name: X-Remote-User
	RoleHeader string // with a role; "" = the user's role of the file, else Role
	Role       Role   // of those whom the file does not name; None = refuse them
	From       []netip.Prefix
}

// Users is who may do what. It is not changed after Load.
type Users struct {
	users []User
	proxy Proxy
}

type file struct {
	Users []struct {
		Name     string `yaml:"name"`
		Password string `yaml:"password"`
		Person   string `yaml:"person"`
		Role     string `yaml:"role"`
	} `yaml:"users"`
	Proxy struct {
		Header     string   `yaml:"header"`
		RoleHeader string   `yaml:"role_header"`
		Role       string   `yaml:"role"`
		From       []string `yaml:"from"`
	} `yaml:"proxy"`
}

// Load reads a users file.
func Load(path string) (*Users, source.Problems) {
	doc, problems := source.Read(path)
	return decode(doc, problems)
}

// Parse is Load for bytes; name stands in the positions of problems.
func Parse(name string, b []byte) (*Users, source.Problems) {
	doc, problems := source.Parse(name, b)
	return decode(doc, problems)
}

func decode(doc *source.Document, problems source.Problems) (*Users, source.Problems) {
	if doc == nil {
		return nil, problems
	}
	var f file
	problems = append(problems, doc.Decode(&f)...)
	bad := func(text string, path ...any) {
		if !doc.Bad(path...) {
			problems = append(problems, source.Problem{Position: doc.At(path...), Text: text})
		}
	}
	u := &Users{}
	for i, x := range f.Users {
		role := Role(x.Role)
		switch {
		case x.Name == "":
			bad("a user needs a name", "users", i)
		case slices.ContainsFunc(u.users, func(o User) bool { return o.Name == x.Name }):
			bad(fmt.Sprintf("the name %q is taken by an earlier user", x.Name), "users", i, "name")
		}
		if role == None || role.rank() < 0 {
			bad(fmt.Sprintf("%q is not a role%s", x.Role, source.OneOf(x.Role, []string{"view", "act", "admin"})), "users", i, "role")
		}
		// The password itself must never be in the message.
		if _, err := bcrypt.Cost([]byte(x.Password)); err != nil {
			bad("the password is not a bcrypt hash; make one with `watchpost passwd`", "users", i, "password")
		}
		u.users = append(u.users, User{Name: x.Name, Person: x.Person, Role: role, hash: []byte(x.Password)})
	}
	u.proxy = Proxy{Header: f.Proxy.Header, RoleHeader: f.Proxy.RoleHeader, Role: Role(f.Proxy.Role)}
	if u.proxy.Role.rank() < 0 {
		bad(fmt.Sprintf("%q is not a role%s", f.Proxy.Role, source.OneOf(f.Proxy.Role, []string{"view", "act", "admin"})), "proxy", "role")
	}
	for i, c := range f.Proxy.From {
		p, err := netip.ParsePrefix(c)
		if err != nil {
			bad(fmt.Sprintf("%q is not a network such as 127.0.0.1/32", c), "proxy", "from", i)
		}
		u.proxy.From = append(u.proxy.From, p)
	}
	if u.proxy.Header != "" && len(f.Proxy.From) == 0 {
		bad("a header is believed only from named networks: give `from`", "proxy")
	}
	if len(problems) > 0 {
		return nil, source.Join(problems)
	}
	return u, nil
}

// Hash makes the bcrypt hash of a password for the users file.
func Hash(password string) (string, error) {
	if len(password) < 10 {
		return "", errors.New("a password needs at least 10 characters")
	}
	b, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost)
	if err != nil {
		return "", fmt.Errorf("hashing the password: %w", err)
	}
	return string(b), nil
}

func (u *Users) find(name string) (User, bool) {
	if u == nil {
		return User{}, false
	}
	i := slices.IndexFunc(u.users, func(x User) bool { return x.Name == name })
	if i < 0 {
		return User{}, false
	}
	return u.users[i], true
}

// Guard signs people in and recognises them again.
type Guard struct {
	secret []byte
	now    func() time.Time

	limiter  limiter
	verified verified

	mu    sync.Mutex
	users *Users
}

// SessionFor is how long a session lasts: one shift.
const SessionFor = 12 * time.Hour

// Cookie is the name of the session cookie.
const Cookie = "watchpost_session"

// The errors of signing in.
var (
	ErrCredentials = errors.New("unknown user or wrong password")
	ErrThrottled   = errors.New("too many failed attempts; wait a minute")
)

// New makes a Guard. A nil users lets nobody in.
func New(secret []byte, users *Users) *Guard {
	return &Guard{secret: secret, users: users, now: time.Now, limiter: newLimiter(), verified: newVerified()}
}

// SetUsers changes who may sign in; sessions of users who are gone end.
func (g *Guard) SetUsers(u *Users) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.users = u
	g.verified.clear()
}

func (g *Guard) list() *Users {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.users
}

// Request tells who asks; ok is false for nobody known. A wrong Basic password
// counts as a failed attempt.
func (g *Guard) Request(r *http.Request) (u User, ok bool) {
	users := g.list()
	if u, ok := users.byProxy(r); ok {
		return u, true
	}
	if c, err := r.Cookie(Cookie); err == nil {
		if u, ok := g.session(c.Value); ok {
			return u, true
		}
	}
	if name, password, ok := r.BasicAuth(); ok {
		u, err := g.Check(name, password, ClientIP(r))
		return u, err == nil
	}
	return User{}, false
}

func (u *Users) byProxy(r *http.Request) (User, bool) {
	if u == nil || u.proxy.Header == "" {
		return User{}, false
	}
	ip, err := netip.ParseAddr(ClientIP(r))
	if err != nil || !slices.ContainsFunc(u.proxy.From, func(p netip.Prefix) bool { return p.Contains(ip.Unmap()) }) {
		return User{}, false
	}
	name := r.Header.Get(u.proxy.Header)
	if name == "" || len(name) > 100 {
		return User{}, false
	}
	out, ok := u.find(name)
	if !ok {
		out = User{Name: name, Role: u.proxy.Role}
	}
	if u.proxy.RoleHeader != "" {
		if role := Role(r.Header.Get(u.proxy.RoleHeader)); role.rank() > 0 {
			out.Role = role
		}
	}
	return out, out.Role != None
}

// ClientIP is the address of the connection; forwarding headers are not looked
// at, because anybody can write them.
func ClientIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// Session makes the value of a session cookie. It is signed with the user's
// password hash, too, so that a changed password ends all sessions.
func (g *Guard) Session(u User) (value string, expires time.Time) {
	expires = g.now().Add(SessionFor)
	text := u.Name + "\n" + strconv.FormatInt(expires.Unix(), 36)
	return base64.RawURLEncoding.EncodeToString(append(g.mac(text, u.hash), text...)), expires
}

func (g *Guard) session(value string) (User, bool) {
	b, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil || len(b) <= sha256.Size || len(b) > 512 {
		return User{}, false
	}
	name, exp, _ := strings.Cut(string(b[sha256.Size:]), "\n")
	u, ok := g.list().find(name)
	unix, err := strconv.ParseInt(exp, 36, 64)
	if !ok || err != nil || !g.now().Before(time.Unix(unix, 0)) {
		return User{}, false
	}
	return u, hmac.Equal(b[:sha256.Size], g.mac(string(b[sha256.Size:]), u.hash))
}

func (g *Guard) mac(text string, hash []byte) []byte {
	h := hmac.New(sha256.New, g.secret)
	h.Write([]byte("session\x00"))
	h.Write(hash)
	h.Write([]byte{0})
	h.Write([]byte(text))
	return h.Sum(nil)
}

// Form gives the token that a form of this user's session must carry.
func (g *Guard) Form(u User) string {
	return base64.RawURLEncoding.EncodeToString(g.mac("form\n"+u.Name, u.hash)[:16])
}

// CheckForm tells whether a form's token is the user's.
func (g *Guard) CheckForm(u User, token string) bool {
	return hmac.Equal([]byte(token), []byte(g.Form(u)))
}
