// Package schedule asks every check on its own clock and hands what it saw to
// the sinks. It decides three things that no probe can decide for itself:
//
//   - when to ask: a phase per check from the hash of its ID, no herd at the
//     start, a quick re-ask while a change is unconfirmed; looks that fall due
//     within the same tenth of a second begin together, because waking the
//     process up costs more than half of a look that does it alone;
//   - whether the answer may be believed: a look that overran, panicked, spanned
//     a jump of the clock or was made while the uplink was lost is Unknown;
//   - what is held to be true: confirmation with hysteresis both ways (Track).
//
// One goroutine owns the clock, one short-lived goroutine makes each look. A
// hung probe costs its own check only: the watchdog takes its slot away.
package schedule
