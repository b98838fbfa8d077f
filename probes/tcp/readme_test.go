package tcp_test

import (
	"testing"

	"watchpost.example/internal/kinddoc"
	"watchpost.example/probes/probetest"
	"watchpost.example/probes/tcp"
)

func TestREADME(t *testing.T) {
	kinddoc.Check(t, nil, tcp.Kind(probetest.NewWire(t, nil)))
}
