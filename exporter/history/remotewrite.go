package history

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/prometheus/prometheus/config"
)

// ErrRemoteWrite is what a document that is no remote_write section gives.
var ErrRemoteWrite = errors.New("not a remote_write: section as in prometheus.yml")

// loadRemoteWrite reads Prometheus' own section, so that every option that its
// documentation names (TLS, authentication, relabelling, queues) works here.
// Sending is from the log on the disk: what could not be sent during a cut of
// the uplink is sent afterwards.
func loadRemoteWrite(doc []byte) (*config.Config, error) {
	conf, err := config.Load(string(doc), slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRemoteWrite, err)
	}
	if len(conf.RemoteWriteConfigs) == 0 || len(conf.ScrapeConfigs) > 0 || len(conf.RuleFiles) > 0 {
		return nil, fmt.Errorf("%w: it must hold remote_write and nothing that scrapes or evaluates", ErrRemoteWrite)
	}
	return conf, nil
}
