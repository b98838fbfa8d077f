package http

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"golang.org/x/net/http/httpguts"

	"watchpost.example/probes"
	"watchpost.example/probes/wire"
)

// secret is how the probe proves who it is; the zero value is not at all. The
// file is read at each look, so that a rotated secret needs no reload, and its
// content is kept nowhere.
type secret struct{ user, passwordFile, bearerFile string }

// apply adds the Authorization header. A file that can't be read is our fault.
func (s secret) apply(h http.Header) error {
	path := s.passwordFile
	if s.bearerFile != "" {
		path = s.bearerFile
	}
	if path == "" {
		return nil
	}
	v, err := readSecret(path)
	if err != nil {
		return &wire.Error{Reason: probes.OursPermission, Detail: "reading the secret: " + err.Error()}
	}
	if s.bearerFile != "" {
		h.Set("Authorization", "Bearer "+v)
		return nil
	}
	h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(s.user+":"+v)))
	return nil
}

// maxSecret bounds a secret, in bytes.
const maxSecret = 16 << 10

// readSecret reads one line; the errors name the file and never its content.
func readSecret(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // read only
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", path, err)
	}
	v := strings.TrimRight(string(b), "\r\n")
	if v == "" || len(b) > maxSecret || !httpguts.ValidHeaderFieldValue(v) {
		return "", errors.New(path + " is empty, too long, or holds more than one line")
	}
	return v, nil
}
