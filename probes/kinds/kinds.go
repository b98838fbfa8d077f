// Package kinds is the list of the kinds of probe. A new kind is one folder
// beside this one and one line here.
package kinds

import (
	"watchpost.example/probes"
	"watchpost.example/probes/dns"
	"watchpost.example/probes/dns/zone"
	"watchpost.example/probes/http"
	"watchpost.example/probes/icmp"
	"watchpost.example/probes/tcp"
	"watchpost.example/probes/tls"
	"watchpost.example/probes/wire"
)

// All is every kind, in the order in which documents list them: the basic ones
// on w, those of DNS integrity on e, which share its walk and its memory.
func All(w *wire.Wire, e *zone.Env) []probes.Kind {
	return append([]probes.Kind{
		http.Kind(w),
		tls.Kind(w),
		tcp.Kind(w),
		icmp.Kind(w),
		dns.Kind(w),
	}, zone.Kinds(e)...)
}
