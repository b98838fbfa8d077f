package tls

import "watchpost.example/probes"

// injection is the finding of a server that sends bytes in clear behind its
// go-ahead: a client that reads them as if they came through TLS can be fed by
// an attacker on the way (CVE-2021-38371 and its kin).
func injection(injected string) probes.Finding {
	return probes.Finding{
		Reason: probes.TLSStartTLS, Severity: probes.Today, Record: "STARTTLS",
		Expected: "nothing between the go-ahead and TLS",
		Found:    probes.Quote(injected, 80) + " in clear",
	}
}
