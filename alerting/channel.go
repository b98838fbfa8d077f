package alerting

import (
	"context"
	"errors"
	"time"
)

// Page is one message to one person.
type Page struct {
	ID       string // unique; a channel that can de-duplicate passes it on
	Incident string // "" for notices that belong to none
	Kind     string // alert, recovery, handover, test, drill, notice
	Severity string // Critical, Warning or Info
	Subject  string // one line, unaccented, at most 120 characters
	Text     string // the whole for push and e-mail
	Short    string // for SMS: unaccented, at most 160 GSM 03.38 characters
	Speech   string // for the ear, full sentences in the person's language
	Language string // "vi" or "en"
	Code     string // what to reply to acknowledge: "7421"; "" = needs none
	AckURL   string // one-time link; "" = none. Opening it must not acknowledge
	Created  time.Time
}

// Status is how far a page got.
type Status string

// The statuses, in rising order of certainty.
const (
	Failed       Status = "failed"
	Accepted     Status = "accepted"     // the next hop took it
	Delivered    Status = "delivered"    // the handset has it
	Answered     Status = "answered"     // a person picked up
	Acknowledged Status = "acknowledged" // a person said "I take it"
)

// Receipt is what a channel knows after sending.
type Receipt struct {
	Page     string // Page.ID
	Provider string // the next hop's own id for it; "" = none
	Status   Status
	Detail   string // for the journal; no secrets
	At       time.Time
	Digits   string // keys pressed in a call; "" = none
}

// Reply is a message from a person: an SMS, a pressed push button.
type Reply struct {
	Channel string
	From    string // the sender's address as the channel gives it
	Text    string
	At      time.Time
}

// Health is a channel's own state for metrics and rules.
type Health struct {
	OK     bool
	Detail string             // one line for people
	Values map[string]float64 // signal_ratio, registered; base units
	Credit *Credit            // of a prepaid SIM or account; nil = not watched
}

// Credit is what is left to send with.
type Credit struct {
	Amount   float64
	Minimum  float64   // below it somebody must top up; 0 = no limit is set
	Currency string    // ISO 4217: "VND"
	At       time.Time // when the carrier said so; zero = it never did
	Problem  string    // why the last question brought nothing; "" = it did
}

// Channel is one way to reach a phone.
type Channel interface {
	// Name is the key in Person.Addresses: "sms", "voice", ...
	Name() string
	// Send hands the page to the next hop and returns by ctx's deadline. The
	// error tells what was tried; Temporary(err) says whether to try again.
	// A call returns when it ended, with the digits pressed.
	Send(ctx context.Context, address string, p Page) (Receipt, error)
	// Run receives receipts and replies until ctx ends; a channel without them
	// returns nil at once.
	Run(ctx context.Context, receipts chan<- Receipt, replies chan<- Reply) error
	// Health asks the next hop; nil ctx is not allowed.
	Health(ctx context.Context) Health
}

// permanentError marks an error that no retry will mend.
type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

// Permanent marks err as one that a retry can't mend: a wrong number, a
// refused password. nil stays nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanentError{err}
}

// Temporary tells whether sending again may help; false for nil.
func Temporary(err error) bool {
	if err == nil {
		return false
	}
	var p permanentError
	return !errors.As(err, &p)
}

// laterError carries how long the next hop wants to be left alone.
type laterError struct {
	error
	wait time.Duration
}

func (e laterError) Unwrap() error { return e.error }

// Later marks err as one after which the next hop asked to wait: "Retry-After".
// nil stays nil.
func Later(err error, wait time.Duration) error {
	if err == nil || wait <= 0 {
		return err
	}
	return laterError{err, wait}
}

// RetryAfter is how long the next hop asked to wait; 0 = it did not say.
func RetryAfter(err error) time.Duration {
	if l, ok := errors.AsType[laterError](err); ok {
		return l.wait
	}
	return 0
}
