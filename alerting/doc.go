// Package alerting holds the nouns of waking a person: Alert, Severity, Person,
// Shift, Page, Receipt, Reply and Channel. It imports the standard library
// only; engines, on-call and channels live below it.
package alerting
