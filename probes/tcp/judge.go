package tcp

import (
	"errors"
	"fmt"
	"regexp"

	"watchpost.example/probes"
	"watchpost.example/probes/wire"
)

// expectation is the banner that a server must send; nil = none.
type expectation struct{ re *regexp.Regexp }

func (e expectation) set() bool { return e.re != nil }

func (e expectation) holds(got []byte) bool { return e.re.Match(got) }

// judge decides on what was read until err; nil err means that the
// expectation held.
func judge(a *wire.Answer, e expectation, got []byte, err error) {
	failed := 1.0
	switch {
	case err == nil:
		a.Verdict, failed = probes.Up, 0
	case wire.Classify(err).Ours():
		a.Fail("reading the banner", err)
	case len(got) > 0 && (errors.Is(err, errTooLong) || ended(err) || wire.Classify(err) == probes.TCPTimeout):
		a.Verdict, a.Reason = probes.Down, probes.TCPBanner
		a.Detail = probes.Clip(fmt.Sprintf("the server said %s, expected to match %s", probes.Quote(string(got), 120), probes.Quote(e.re.String(), 120)), probes.MaxDetail)
		a.Attach("application/octet-stream", got)
	default:
		a.Fail("waiting for the banner", err)
	}
	a.Facts.Set(probes.FactTCPFailedExpect, failed)
}
