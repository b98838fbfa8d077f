package probes

import (
	"crypto/sha256"
	"encoding/hex"
)

// MaxEvidence bounds one Evidence, in bytes; longer ones are cut by Attach.
const MaxEvidence = 64 << 10

// Evidence is what a look saw, kept for the unit's own engineers: packets, a
// certificate chain, a page. It goes to a bounded, content-addressed store.
type Evidence struct {
	Hash      string `json:"hash"` // hex SHA-256 of Bytes
	MediaType string `json:"media_type"`
	Bytes     []byte `json:"-"`
}

// Attach adds evidence to the observation and returns its hash for a Finding.
// The same bytes attached twice are kept once.
func (o *Observation) Attach(mediaType string, b []byte) string {
	if len(b) > MaxEvidence {
		b = b[:MaxEvidence]
	}
	sum := sha256.Sum256(b)
	h := hex.EncodeToString(sum[:])
	for _, e := range o.Evidence {
		if e.Hash == h {
			return h
		}
	}
	o.Evidence = append(o.Evidence, Evidence{h, mediaType, b})
	return h
}
