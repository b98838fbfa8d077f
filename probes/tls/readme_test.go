package tls_test

import (
	"testing"

	"watchpost.example/internal/kinddoc"
	"watchpost.example/probes/probetest"
	"watchpost.example/probes/tls"
)

func TestREADME(t *testing.T) {
	ca, err := probetest.NewCA("README")
	if err != nil {
		t.Fatal(err)
	}
	kinddoc.Check(t, map[string][]byte{"government-root.pem": ca.RootPEM()}, tls.Kind(probetest.NewWire(t, nil)))
}
