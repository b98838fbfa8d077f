// Package secret reads passwords and tokens of channels from files at the time
// they are used, so that they can be changed without a restart, and keeps them
// out of every text that people see.
package secret

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// maxSize bounds a secret file, in bytes.
const maxSize = 16 << 10

// Read gives the file's content without surrounding white space. The error
// names the file, never its content.
func Read(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("reading a secret: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	b, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return "", fmt.Errorf("reading the secret in %s: %w", path, err)
	}
	s := strings.TrimSpace(string(b))
	if s == "" || len(b) > maxSize {
		return "", fmt.Errorf("the secret in %s is empty or over %d bytes", path, maxSize)
	}
	return s, nil
}

// Problem says in words what is wrong with a secret file now; "" = nothing.
func Problem(path string) string {
	if _, err := Read(path); err != nil {
		return err.Error()
	}
	return ""
}

// Hide takes every one of secrets out of text, for errors made by libraries
// that quote what they were given.
func Hide(text string, secrets ...string) string {
	for _, s := range secrets {
		if len(s) >= 4 {
			text = strings.ReplaceAll(text, s, "(secret)")
		}
	}
	return text
}
