package probes

import "time"

// Phase is a stretch of one look. The words are blackbox_exporter's
// probe_http_duration_seconds{phase}, which operators' dashboards know.
type Phase uint8

const (
	// Resolve is the name look-up.
	Resolve Phase = iota
	// Connect is the TCP connection (or the socket's set-up).
	Connect
	// TLS is the handshake, STARTTLS dialogue included.
	TLS
	// Processing is from the request's last byte to the answer's first.
	Processing
	// Transfer is from the answer's first byte to its last.
	Transfer

	phaseCount
)

// PhaseList is every Phase in the order of time.
func PhaseList() []Phase { return []Phase{Resolve, Connect, TLS, Processing, Transfer} }

// String gives the label value.
func (p Phase) String() string {
	switch p {
	case Resolve:
		return "resolve"
	case Connect:
		return "connect"
	case TLS:
		return "tls"
	case Processing:
		return "processing"
	case Transfer:
		return "transfer"
	}
	return "unknown"
}

// Phases is the time spent in each Phase; zero means not reached. It is an
// array, not a map, because one is made for every address of every look.
type Phases [phaseCount]time.Duration

// Total is the sum of all phases.
func (p Phases) Total() time.Duration {
	var t time.Duration
	for _, d := range p {
		t += d
	}
	return t
}
