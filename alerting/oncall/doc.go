// Package oncall wakes the officer on duty and does not stop until a person has
// taken it.
//
// Alertmanager, embedded or outside, posts its webhook here; each of its groups
// becomes an incident, many at once become one storm. The incident climbs a
// ladder of steps (who, by which channel, after how long) until somebody
// acknowledges by a key in the call, an SMS, a one-time link, a push button, the
// pages or a command.
//
// One goroutine, the desk, owns all state and sees events one after another.
// It applies pure functions (incident, outbox), commits what changed in one
// transaction together with the pages that are about to go out, and only then
// lets the channels send. A crash at any moment is answered by loading the last
// commit: what was being sent goes out again and says that it may be a repeat.
//
// When the disk refuses, pages go out all the same: a page is worth more than
// its record. The webhook then answers 503, so that Alertmanager repeats it
// until it could be saved.
package oncall
