package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	"watchpost.example/inventory"
)

// endpointTransport is the way to a service outside, with its TLS and credentials.
func endpointTransport(e inventory.Endpoint) (http.RoundTripper, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if e.CAFile != "" {
		pem, err := os.ReadFile(e.CAFile)
		if err != nil {
			return nil, fmt.Errorf("ca_file of %s: %w", e.URL, err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca_file %s holds no PEM certificate", e.CAFile)
		}
	}
	if e.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(e.CertFile, e.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("cert_file and key_file of %s: %w", e.URL, err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: conf, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: e.Timeout.D(), MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute,
	}
	return authTransport{t, e}, nil
}

// remoteWriteFile is remote_write: in Prometheus' own form. Field names are
// Prometheus' (prometheus.io/docs: remote_write).
type remoteWriteFile struct {
	RemoteWrite []remoteWriteEntry `json:"remote_write"`
}

type remoteWriteEntry struct {
	URL           string           `json:"url"`
	RemoteTimeout string           `json:"remote_timeout,omitempty"`
	BasicAuth     *remoteBasicAuth `json:"basic_auth,omitempty"`
	Authorization *remoteBearer    `json:"authorization,omitempty"`
	TLSConfig     *remoteTLS       `json:"tls_config,omitempty"`
}

type remoteBasicAuth struct {
	Username     string `json:"username"`
	Password     string `json:"password,omitempty"`
	PasswordFile string `json:"password_file,omitempty"`
}

type remoteBearer struct {
	Credentials     string `json:"credentials,omitempty"`
	CredentialsFile string `json:"credentials_file,omitempty"`
}

type remoteTLS struct {
	CAFile   string `json:"ca_file,omitempty"`
	CertFile string `json:"cert_file,omitempty"`
	KeyFile  string `json:"key_file,omitempty"`
}

// remoteWrite turns our endpoints into Prometheus' section; JSON is YAML too.
// nil without endpoints.
func remoteWrite(list []inventory.Endpoint) ([]byte, error) {
	if len(list) == 0 {
		return nil, nil
	}
	var f remoteWriteFile
	for _, e := range list {
		w := remoteWriteEntry{URL: e.URL}
		if e.Timeout > 0 {
			w.RemoteTimeout = fmt.Sprintf("%dms", e.Timeout.D().Milliseconds())
		}
		if e.CAFile != "" || e.CertFile != "" {
			w.TLSConfig = &remoteTLS{e.CAFile, e.CertFile, e.KeyFile}
		}
		switch {
		case e.PasswordFile != "":
			w.BasicAuth = &remoteBasicAuth{Username: e.Username, PasswordFile: e.PasswordFile}
		case e.TokenFile != "":
			w.Authorization = &remoteBearer{CredentialsFile: e.TokenFile}
		default: // from the environment, or none
			kind, secret, err := e.Secret()
			if err != nil {
				return nil, fmt.Errorf("remote_write %s: %w", e.URL, err)
			}
			switch kind {
			case "basic":
				w.BasicAuth = &remoteBasicAuth{Username: e.Username, Password: secret}
			case "bearer":
				w.Authorization = &remoteBearer{Credentials: secret}
			}
		}
		f.RemoteWrite = append(f.RemoteWrite, w)
	}
	return json.Marshal(f)
}
