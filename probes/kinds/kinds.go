// Package kinds is the list of the kinds of probe. A new kind is one folder
// beside this one and one line here.
package kinds

import (
	"watchpost.example/probes"
	"watchpost.example/probes/http"
	"watchpost.example/probes/icmp"
	"watchpost.example/probes/tcp"
	"watchpost.example/probes/tls"
	"watchpost.example/probes/wire"
)

// All is every kind, on w, in the order in which documents list them.
func All(w *wire.Wire) []probes.Kind {
	return []probes.Kind{
		http.Kind(w),
		tls.Kind(w),
		tcp.Kind(w),
		icmp.Kind(w),
	}
}
