package inventory

import (
	"errors"
	"net/netip"
	"regexp"
	"strings"

	"watchpost.example/inventory/source"
)

// scheming finds what was meant as the scheme of an address, whatever stands
// between it and the host: "https:/", "http//", "smtp:\\", "https;//", "dns//:".
var scheming = regexp.MustCompile(`^([A-Za-z]{2,10})\s*(?:[:;.,]?[/\\]{1,3}:?|:)([^/\\].*)$`)

// sheetURL reads the address of a cell. A bare name or address is meant as
// https. What is not clear is refused with what was probably meant: a guess
// would watch somebody else's host and call it the unit's. The error is the end
// of a sentence.
func sheetURL(cell string) (string, error) {
	if strings.Contains(cell, "://") {
		_, err := parseURL(cell)
		return cell, err
	}
	bare := strings.TrimLeft(cell, `/\`)
	if m := scheming.FindStringSubmatch(cell); m != nil && !isPort(m[2]) {
		word, rest := strings.ToLower(m[1]), strings.TrimLeft(m[2], `:/\ `)
		scheme, near := source.Nearest(word, schemes())
		if profileOf[word] != "" {
			scheme, near = word, true
		}
		if near {
			return cell, errors.New("is not a full address" + meant(scheme+"://"+rest))
		}
	}
	if bare != cell || strings.Contains(cell, `\`) {
		return cell, errors.New("is not a full address" + meant("https://"+strings.ReplaceAll(bare, `\`, "/")))
	}
	u, err := parseURL("https://" + cell)
	if err != nil {
		return cell, err
	}
	host := u.Hostname()
	if _, ip := netip.ParseAddr(host); ip != nil && !strings.Contains(host, ".") {
		return cell, errors.New("is not an address: a bare name needs a dot, such as portal.example; a name without one is written in full, https://" + host + "/")
	}
	return "https://" + cell, nil
}

// isPort tells whether what follows "name:" is a port, perhaps with a path.
func isPort(s string) bool {
	digits, _, _ := strings.Cut(s, "/")
	return digits != "" && strings.Trim(digits, "0123456789") == ""
}

// meant suggests an address if it is one.
func meant(raw string) string {
	if _, err := parseURL(raw); err != nil {
		return " such as https://portal.example/"
	}
	return "; did you mean " + quoted(raw) + "?"
}
