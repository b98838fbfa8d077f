package dnssec

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"github.com/miekg/dns"
)

// MaxProven bounds the signatures that a Proven remembers: twice this many
// hashes, about 20 MB at the very most.
const MaxProven = 1 << 17

// Proven remembers which signatures were found right, by the SHA-256 of all
// that the arithmetic sees: key, signature and records. Between two looks at a
// zone hardly any of them changes, and verifying is what costs. Only the
// arithmetic is remembered; dates, signer, key flags and what a record proves
// are judged at every look, and a wrong signature is tried each time. It is
// safe for concurrent use; nil remembers nothing.
type Proven struct {
	mu       sync.Mutex
	now, old map[[sha256.Size]byte]struct{}
}

// holds tells whether the signature was found right before.
func (p *Proven) holds(h [sha256.Size]byte) bool {
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.now[h]; ok {
		return true
	}
	if _, ok := p.old[h]; !ok {
		return false
	}
	p.put(h) // what is still used outlives the change of generations
	return true
}

func (p *Proven) add(h [sha256.Size]byte) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.put(h)
}

func (p *Proven) put(h [sha256.Size]byte) {
	if p.now == nil || len(p.now) >= MaxProven {
		p.old, p.now = p.now, make(map[[sha256.Size]byte]struct{})
	}
	p.now[h] = struct{}{}
}

// verified is verifySignature, remembered in b.Proven when it holds. A signature
// that is known costs nothing of the budget; spent tells that the budget is at
// its end.
func (b *Budget) verified(key *dns.DNSKEY, signature string, data []byte) (holds, spent bool) {
	var h [sha256.Size]byte
	if b.Proven != nil {
		if h = fingerprint(key, signature, data); b.Proven.holds(h) {
			return true, false
		}
	}
	if !b.verify() {
		return false, true
	}
	if !verifySignature(key, data, signature) {
		return false, false
	}
	if b.Proven != nil {
		b.Proven.add(h)
	}
	return true, false
}

// fingerprint is the hash of algorithm, key, signature and signed data, each
// behind its length.
func fingerprint(key *dns.DNSKEY, signature string, data []byte) [sha256.Size]byte {
	h := sha256.New()
	var n [9]byte
	n[0] = key.Algorithm
	binary.BigEndian.PutUint32(n[1:], uint32(len(key.PublicKey)))
	binary.BigEndian.PutUint32(n[5:], uint32(len(signature)))
	_, _ = h.Write(n[:]) // a hash takes all
	_, _ = h.Write([]byte(key.PublicKey + signature))
	_, _ = h.Write(data)
	return [sha256.Size]byte(h.Sum(nil))
}
