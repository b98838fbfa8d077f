// Package probes holds the nouns of probing: what is watched (Unit, System,
// Check), who asks (Prober, Kind, Settings) and what the answer was
// (Observation, Verdict, Reason, Fact, Phase, Finding, State).
//
// It imports the standard library only and holds no behaviour beyond what the
// nouns need to keep their promises. Asking lives in the kinds below it
// (probes/http, probes/tls, ...), timing in probes/schedule, naming of metrics
// in exporter.
package probes
