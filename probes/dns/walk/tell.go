package walk

import "watchpost.example/probes/dns/dnswire"

// Tell gives the walk a delegation that somebody else asked a server of at for,
// so that the parent isn't asked for it once more. What is known already stays;
// it reports whether the reply delegates zone.
func (w *Walker) Tell(at Cut, zone string, m *dnswire.Msg) bool {
	s, ttl, ok := readStep(at, zone, m)
	if !ok || !s.isCut || s.cut.Zone != zone || s.cut.Child {
		return false
	}
	key := "cut " + zone
	if _, known := load[stepped](&w.cache, key); !known {
		w.cache.store(key, s, ttl)
	}
	return true
}
