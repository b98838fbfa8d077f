package dns_test

import (
	"testing"

	"watchpost.example/internal/kinddoc"
	"watchpost.example/probes/dns"
	"watchpost.example/probes/probetest"
)

func TestREADME(t *testing.T) {
	kinddoc.Check(t, nil, dns.Kind(probetest.NewWire(t, nil)))
}
