package inventory

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"

	"watchpost.example/inventory/source"
)

// profileOf says which profile a URL's scheme stands for.
var profileOf = map[string]string{"http": profileWeb, "https": profileWeb, "smtp": profileMail, "dns": profileDNS, "tcp": profileTCP, "icmp": profilePing}

func schemes() []string { return []string{"https", "http", "smtp", "dns", "tcp", "icmp"} }

// domain is idna.Lookup without its refusal of underscores, which real hosts
// have; hostName checks the letters afterwards.
var domain = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(false))

// hostName gives a name or IP address in the form that DNS and TLS use; the
// error is the end of a sentence.
func hostName(host string) (string, error) {
	if a, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return a.String(), nil
	}
	ascii := strings.TrimSuffix(host, ".")
	if strings.ContainsFunc(ascii, func(r rune) bool { return r > '~' }) {
		var err error
		if ascii, err = domain.ToASCII(ascii); err != nil {
			return "", errors.New("is not a host name: a letter in it is not allowed")
		}
	}
	ascii = strings.ToLower(ascii)
	if len(ascii) == 0 || len(ascii) > 253 {
		return "", errors.New("is not a host name: it must have 1 to 253 characters")
	}
	labels := strings.Split(ascii, ".")
	for _, l := range labels {
		if why := badLabel(l); why != "" {
			return "", errors.New("is not a host name: " + why)
		}
	}
	if _, err := strconv.Atoi(labels[len(labels)-1]); err == nil {
		return "", errors.New("is neither a host name nor a whole IP address such as 192.0.2.10")
	}
	return ascii, nil
}

// shownHost is an ASCII host as people write it.
func shownHost(ascii string) string {
	if u, err := domain.ToUnicode(ascii); err == nil {
		return u
	}
	return ascii
}

func badLabel(l string) string {
	switch {
	case l == "":
		return "two dots stand together or it begins with one"
	case len(l) > 63:
		return "a part between dots is longer than 63 characters"
	case l[0] == '-' || l[len(l)-1] == '-':
		return "a part begins or ends with a hyphen"
	}
	for _, c := range l {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return fmt.Sprintf("%q is not allowed in it", c)
		}
	}
	return ""
}

// parseURL reads a system's address; the URL it gives has an ASCII host. The
// error is the end of a sentence that begins with the URL.
func parseURL(raw string) (*url.URL, error) {
	if strings.ContainsAny(raw, " \t\r\n") {
		return nil, errors.New("has a space in it")
	}
	scheme, _, found := strings.Cut(raw, "://")
	if !found || scheme == "" {
		return nil, errors.New("is not a full address such as https://" + exampleHost(raw) + "/")
	}
	scheme = strings.ToLower(scheme)
	if profileOf[scheme] == "" {
		return nil, fmt.Errorf("has the unknown scheme %q%s", scheme, source.OneOf(scheme, schemes()))
	}
	u, err := url.Parse(raw)
	if err != nil {
		cause := err
		if ue, ok := errors.AsType[*url.Error](err); ok {
			cause = ue.Err
		}
		return nil, fmt.Errorf("is not an address: %w", cause)
	}
	if u.User != nil {
		return nil, errors.New("must not hold a user or password: it would stand on the wall and in labels")
	}
	if u.Hostname() == "" {
		return nil, errors.New("has no host; write it as " + scheme + "://portal.example")
	}
	host, err := hostName(u.Hostname())
	if err != nil {
		return nil, fmt.Errorf("has the host %q, which %w", u.Hostname(), err)
	}
	if profileOf[host] != "" && (strings.HasSuffix(u.Host, ":") || strings.HasPrefix(u.Path, "//")) {
		return nil, fmt.Errorf("holds the scheme %q as its host; write it once", host)
	}
	u.Host = host
	if strings.Contains(host, ":") {
		u.Host = "[" + host + "]"
	}
	return u, withPort(u, raw, host)
}

func withPort(u *url.URL, raw, host string) error {
	port := ""
	if p, err := url.Parse(raw); err == nil {
		port = p.Port()
	}
	if port == "" {
		if u.Scheme == "tcp" {
			return errors.New("needs a port: tcp://" + host + ":443")
		}
		return nil
	}
	if err := goodPort(port); err != nil {
		return err
	}
	u.Host = net.JoinHostPort(host, port)
	return nil
}

func goodPort(port string) error {
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return fmt.Errorf("has the port %q; ports are 1 to 65535", port)
	}
	return nil
}

// exampleHost makes "https://portal.example/" of "portal.example" in a message.
func exampleHost(raw string) string {
	h, _, _ := strings.Cut(strings.TrimLeft(raw, "/"), "/")
	if ascii, err := hostName(h); err == nil && strings.Contains(ascii, ".") {
		return h
	}
	return "portal.example"
}

// hostPort reads "host:port"; the error is the end of a sentence.
func hostPort(s string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return "", errors.New("is not host:port such as 192.0.2.10:443 or portal.example:443")
	}
	if err := goodPort(port); err != nil {
		return "", err
	}
	ascii, err := hostName(host)
	if err != nil {
		return "", err
	}
	return net.JoinHostPort(ascii, port), nil
}

// phoneNumber gives the digits of a number, with a leading + where it had one.
func phoneNumber(s string) (string, error) {
	var b strings.Builder
	for i, c := range s {
		switch {
		case c >= '0' && c <= '9', c == '+' && i == 0:
			b.WriteRune(c)
		case c == ' ', c == '.', c == '-', c == '(', c == ')', c == '\u00a0':
		default:
			return "", fmt.Errorf("is not a telephone number: %q is not allowed in it; one number a contact, such as 0900 000 001", c)
		}
	}
	n := b.String()
	digits := strings.TrimPrefix(n, "+")
	switch {
	case strings.HasPrefix(n, "+840"):
		return "", errors.New("has a 0 after +84; write +84" + strings.TrimLeft(n[3:], "0"))
	case len(digits) < 8:
		return "", errors.New("is not a telephone number: it has fewer than 8 digits")
	case len(digits) > 15:
		return "", errors.New("is not a telephone number: it has more than 15 digits")
	case strings.HasPrefix(n, "0") && (len(n) < 10 || len(n) > 11) && !strings.HasPrefix(n, "00"):
		return "", fmt.Errorf("has %d digits; a number that begins with 0 has 10 or 11", len(n))
	}
	return n, nil
}

// emailAddress checks that an address can be one.
func emailAddress(s string) error {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s {
		return errors.New("is not an e-mail address such as truc@donvi.example")
	}
	_, host, _ := strings.Cut(s, "@")
	if ascii, err := hostName(host); err != nil || !strings.Contains(ascii, ".") {
		return fmt.Errorf("is not an e-mail address: %q is not a mail domain", host)
	}
	return nil
}
