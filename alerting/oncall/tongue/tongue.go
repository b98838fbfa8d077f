// Package tongue holds every word of on-call's pages, Vietnamese and English,
// and tells which of the two a reader wants. What goes to a phone is worded by
// package words.
package tongue

import (
	"fmt"
	"net/http"
	"strings"
)

// The languages.
const (
	Vietnamese = "vi"
	English    = "en"
)

// Cookie keeps the choice of a reader who pressed the switch.
const Cookie = "watchpost_lang"

// Say gives the text of a key in a language, with its arguments. A key that is
// not there shows itself, so that a page still says something; a test sees to
// it that none is missing.
func Say(lang, key string, args ...any) string {
	t, ok := catalogue(lang)[key]
	if !ok {
		return key
	}
	if len(args) == 0 || !strings.Contains(t, "%") {
		return t
	}
	return fmt.Sprintf(t, args...)
}

func catalogue(lang string) map[string]string {
	if lang == English {
		return english
	}
	return vietnamese
}

// Choose gives the language for a request: the switch just pressed, the one
// pressed earlier, the reader's own ("" = not known), then what the browser
// asks for. Vietnamese wins whenever the browser names it at all: an officer's
// telephone that is set to English first still belongs to an officer.
func Choose(r *http.Request, own string) string {
	if l := r.URL.Query().Get("lang"); known(l) {
		return l
	}
	if c, err := r.Cookie(Cookie); err == nil && known(c.Value) {
		return c.Value
	}
	if known(own) {
		return own
	}
	accept := strings.ToLower(r.Header.Get("Accept-Language"))
	english := false
	for part := range strings.SplitSeq(accept, ",") {
		tag, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		base, _, _ := strings.Cut(tag, "-")
		if base == Vietnamese {
			return Vietnamese
		}
		english = english || base == English
	}
	if english {
		return English
	}
	return Vietnamese
}

// Pressed gives the cookie that keeps the switch of a request; nil when it was
// not pressed.
func Pressed(r *http.Request) *http.Cookie {
	l := r.URL.Query().Get("lang")
	if !known(l) {
		return nil
	}
	return &http.Cookie{Name: Cookie, Value: l, Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

// Other is the language that the switch leads to.
func Other(lang string) string {
	if lang == English {
		return Vietnamese
	}
	return English
}

func known(l string) bool { return l == Vietnamese || l == English }
