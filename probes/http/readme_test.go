package http_test

import (
	"testing"

	"watchpost.example/internal/kinddoc"
	"watchpost.example/probes/http"
	"watchpost.example/probes/probetest"
)

func TestREADME(t *testing.T) {
	kinddoc.Check(t, map[string][]byte{"api-password": []byte("example\n")}, http.Kind(probetest.NewWire(t, nil)))
}
