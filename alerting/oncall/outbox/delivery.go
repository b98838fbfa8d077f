// Package outbox decides what is sent to whom, when, by which channel and what
// happens when that fails. Queue is a plain value machine without clock,
// goroutine or file: the service feeds it moments and results, saves what it
// marked as changed, and only then lets the workers send.
package outbox

import (
	"time"

	"watchpost.example/alerting"
)

// Status is how far a delivery got.
type Status string

// The statuses. The ones from Sent on are certain in rising order.
const (
	Queued    Status = "queued"
	Sending   Status = "sending" // handed to the channel; after a crash: perhaps sent
	Sent      Status = "sent"    // the next hop took it
	Delivered Status = "delivered"
	Answered  Status = "answered"
	Done      Status = "acknowledged"
	Failed    Status = "failed"  // every attempt failed, or the address is wrong
	Dropped   Status = "dropped" // no longer wanted
)

// Waiting tells whether the outbox still has to send it.
func (s Status) Waiting() bool { return s == Queued || s == Sending }

func (s Status) rank() int {
	for i, x := range []Status{Queued, Sending, Sent, Delivered, Answered, Done} {
		if s == x {
			return i
		}
	}
	return -1
}

// Delivery is one page to one address.
type Delivery struct {
	ID       string `json:"id"` // also alerting.Page.ID
	Incident string `json:"incident,omitempty"`
	Person   string `json:"person"`
	Kind     string `json:"kind"`
	About    string `json:"about,omitempty"`
	Channel  string `json:"channel"`
	Address  string `json:"address"`
	Round    int    `json:"round,omitempty"`
	Step     int    `json:"step"` // -1 = no step asked for it
	Urgent   bool   `json:"urgent,omitempty"`
	// Text is free text of a notice that belongs to no incident.
	Text string `json:"text,omitempty"`
	// Stands for the delivery whose place it takes after a failure; "" = none.
	For string `json:"for,omitempty"`

	Status    Status    `json:"status"`
	Attempts  int       `json:"attempts,omitempty"`
	Created   time.Time `json:"created"`
	NotBefore time.Time `json:"not_before,omitzero"`
	FallAt    time.Time `json:"fall_at,omitzero"` // unless certain by then, the next channel is tried too
	SentAt    time.Time `json:"sent_at,omitzero"`
	FellBack  bool      `json:"fell_back,omitempty"`
	Unwanted  bool      `json:"unwanted,omitempty"` // cancelled while it was being sent: not tried again
	// Repeat: it may have been sent before, because the pager stopped between
	// sending and recording. The text says so.
	Repeat   bool   `json:"repeat,omitempty"`
	Held     bool   `json:"held,omitempty"`    // a limit held it back at least once
	Carrier  string `json:"carrier,omitempty"` // the delivery whose page carried it in a bundle
	Provider string `json:"provider,omitempty"`
	Error    string `json:"error,omitempty"`

	Page alerting.Page `json:"page,omitzero"` // as handed to the channel last
}

// alerting pages are bundled with each other, and notices with each other.
func (d *Delivery) class() string {
	switch d.Kind {
	case "alert", "drill":
		if d.About == "recovered" || d.Step < 0 && !d.Urgent {
			return "notice"
		}
		return "alert"
	case "test":
		return "test"
	case "handover":
		return "handover"
	}
	return "notice"
}

// Event is something the journal and the incident must know.
type Event struct {
	What     string // attempt, receipt, retry, fallback, failed, dropped, bundled, held, step-failed
	Delivery Delivery
	Detail   string
	Digits   string
	Status   alerting.Status
}
