package source

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"regexp/syntax"
	"strconv"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"
)

// scalar sets a plain Go value; the complaint is the end of a sentence that
// begins with the value found, "" when all is well.
func scalar(n *yaml.Node, to reflect.Value) (complaint string) {
	if to.Type() == reflect.TypeFor[time.Duration]() {
		d, ok := duration(n.Value)
		if !ok {
			return durationComplaint(n.Value)
		}
		to.SetInt(int64(d))
		return ""
	}
	switch to.Kind() {
	case reflect.String:
		to.SetString(n.Value)
		return ""
	case reflect.Bool:
		return boolean(n, to)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return whole(n, to)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return natural(n, to)
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(n.Value, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) || n.Tag == "!!str" {
			return "is not a number such as 2.5"
		}
		to.SetFloat(f)
		return ""
	default:
		return "cannot be set from a file (this is a bug in watchpost)"
	}
}

func boolean(n *yaml.Node, to reflect.Value) string {
	if n.Tag == "!!bool" {
		to.SetBool(strings.EqualFold(n.Value, "true"))
		return ""
	}
	meant := map[string]string{"yes": "true", "on": "true", "1": "true", "y": "true", "no": "false", "off": "false", "0": "false", "n": "false", "có": "true", "không": "false"}[strings.ToLower(n.Value)]
	if meant == "" && n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 && (n.Value == "true" || n.Value == "false") {
		return "is not true or false; write it without quotes"
	}
	if meant == "" {
		return "is not true or false" + DidYouMean(n.Value, []string{"true", "false"})
	}
	return "is not true or false; did you mean " + meant + "?"
}

func whole(n *yaml.Node, to reflect.Value) string {
	i, err := strconv.ParseInt(n.Value, 10, 64)
	if errors.Is(err, strconv.ErrSyntax) || n.Tag == "!!str" {
		return "is not a whole number"
	}
	if err != nil || to.OverflowInt(i) {
		return fmt.Sprintf("is out of range: at most %d", uint64(1)<<(to.Type().Bits()-1)-1)
	}
	to.SetInt(i)
	return ""
}

func natural(n *yaml.Node, to reflect.Value) string {
	u, err := strconv.ParseUint(n.Value, 10, 64)
	if errors.Is(err, strconv.ErrSyntax) && !strings.HasPrefix(n.Value, "-") || n.Tag == "!!str" {
		return "is not a whole number"
	}
	if err != nil || to.OverflowUint(u) {
		return fmt.Sprintf("is out of range: 0 to %d", uint64(math.MaxUint64)>>(64-to.Type().Bits()))
	}
	to.SetUint(u)
	return ""
}

// text decodes by encoding.TextUnmarshaler.
func (d *decoder) text(at, n *yaml.Node, to reflect.Value, name string) {
	if !d.want(at, n, yaml.ScalarNode, name, false) {
		return
	}
	u, ok := reflect.TypeAssert[encoding.TextUnmarshaler](to.Addr())
	if !ok {
		return
	}
	if err := u.UnmarshalText([]byte(n.Value)); err != nil {
		to.SetZero()
		d.bad(at, "%s", sentence(tail(name), n.Value, textComplaint(n.Value, err, u)))
	}
}

// textComplaint is the operator's wording of the errors of well-known types;
// others speak for themselves.
func textComplaint(found string, err error, u any) string {
	switch u.(type) {
	case interface{ D() time.Duration }: // probes.Duration, which this package must not import
		return durationComplaint(found)
	case *netip.Addr:
		return "is not an IP address such as 192.0.2.10 or 2001:db8::10"
	case *netip.Prefix:
		return "is not a range such as 192.0.2.0/24 or 2001:db8::/32"
	case *netip.AddrPort:
		return "is not an address with port such as 192.0.2.10:53 or [2001:db8::10]:53"
	case *time.Time:
		return "is not a moment such as 2026-09-02T17:00:00+07:00"
	}
	if se, ok := errors.AsType[*syntax.Error](err); ok {
		return "is not a regular expression: " + se.Code.String() + " at " + quote(se.Expr)
	}
	msg := err.Error()
	// An error that repeats the value ("x: not a ...") need not do so twice.
	for _, q := range []string{strconv.Quote(found), found} {
		msg = strings.TrimPrefix(msg, q+": ")
		msg = strings.TrimPrefix(msg, q+" ")
	}
	if strings.HasPrefix(msg, "not ") {
		return "is " + msg
	}
	if strings.HasPrefix(msg, "is ") || strings.HasPrefix(msg, "has ") || strings.HasPrefix(msg, "must ") {
		return msg
	}
	return "cannot be used: " + msg
}

// duration reads what probes.Duration reads: a unit always, days allowed.
func duration(s string) (time.Duration, bool) {
	if n, ok := strings.CutSuffix(s, "d"); ok {
		if days, err := strconv.ParseUint(n, 10, 16); err == nil && days <= 36500 {
			return time.Duration(days) * 24 * time.Hour, true
		}
	}
	d, err := time.ParseDuration(s)
	return d, err == nil && s != "0"
}

func durationComplaint(found string) string {
	if f, err := strconv.ParseFloat(found, 64); err == nil && f > 0 && !math.IsInf(f, 0) {
		return "has no unit; write " + found + "s for seconds"
	}
	if n := strings.ReplaceAll(found, " ", ""); n != found {
		if _, ok := duration(n); ok {
			return "is not a duration; write " + n
		}
	}
	return "is not a duration such as 5s, 1m30s or 2h"
}

// generic decodes into any: text, int, float64, bool, []any, map[string]any.
func generic(n *yaml.Node, depth int) any {
	n = resolve(n)
	if n == nil || depth > MaxDepth {
		return nil
	}
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for _, p := range pairs(n) {
			m[p.key.Value] = generic(p.value, depth+1)
		}
		return m
	case yaml.SequenceNode:
		l := make([]any, len(n.Content))
		for i, c := range n.Content {
			l[i] = generic(c, depth+1)
		}
		return l
	default:
		return genericScalar(n)
	}
}

func genericScalar(n *yaml.Node) any {
	switch n.Tag {
	case "!!int":
		if i, err := strconv.Atoi(n.Value); err == nil {
			return i
		}
	case "!!float":
		if f, err := strconv.ParseFloat(n.Value, 64); err == nil {
			return f
		}
	case "!!bool":
		return strings.EqualFold(n.Value, "true")
	case "!!null":
		return nil
	}
	return n.Value
}
