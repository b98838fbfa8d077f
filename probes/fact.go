package probes

// FactName is a thing that a look can measure. The list is closed, so that
// exporter, the only place where a metric is named, can map every one.
type FactName uint8

// The facts. Units are base units: seconds, bytes, Unix seconds for moments.
const (
	FactNone FactName = iota

	FactIPProtocol // 4 or 6
	FactIPAddrHash // FNV-1a 32 of the address's bytes, as blackbox_exporter

	FactHTTPStatusCode       // 0 = no answer
	FactHTTPContentLength    // bytes, -1 = not said
	FactHTTPUncompressedSize // bytes of body read after decompression
	FactHTTPRedirects        // hops followed
	FactHTTPSSL              // 1 = the last hop was https
	FactHTTPVersion          // 1, 1.1, 2
	FactHTTPLastModified     // Unix seconds
	FactHTTPFailedRegexp     // 1 = a body or header expectation failed

	FactTCPFailedExpect // 1 = the banner was not as expected

	FactTLSVersion              // as crypto/tls: 0x0304 = TLS 1.3
	FactTLSCipher               // as crypto/tls cipher suite number
	FactTLSEarliestExpiry       // Unix seconds, earliest NotAfter presented
	FactTLSLeafNotBefore        // Unix seconds
	FactTLSLeafNotAfter         // Unix seconds
	FactTLSLastChainExpiry      // Unix seconds, best verified chain; absent without one
	FactTLSLeafLifetimeFraction // share of the leaf's lifetime that is left, 0..1

	FactDNSAnswerRRs     // count
	FactDNSAuthorityRRs  // count
	FactDNSAdditionalRRs // count
	FactDNSRcode         // RFC 1035 4.1.1
	FactDNSSerial        // SOA serial
	FactDNSQuerySuccess  // 1 = an answer came at all

	FactICMPReplyHopLimit // TTL or hop limit of the reply
	FactICMPRTT           // seconds, mean of the replies
	FactICMPLossRatio     // 0..1

	FactZoneSecure         // 1 = every server's answers validated, 0 = not, absent = could not tell
	FactZoneServers        // name server addresses asked
	FactZoneServersOK      // of these, answered rightly
	FactZoneSignatureLeft  // seconds to the earliest RRSIG expiration
	FactZoneQueries        // queries sent in this look
	FactRegistrationExpiry // Unix seconds, registration of the domain
)

// Fact is one measurement of a look.
type Fact struct {
	Name  FactName
	Value float64
}

// Facts is a short list; a look has a handful, so a search beats a map.
type Facts []Fact

// Get finds a fact's value; ok is false when the look did not measure it.
func (f Facts) Get(n FactName) (v float64, ok bool) {
	for _, x := range f {
		if x.Name == n {
			return x.Value, true
		}
	}
	return 0, false
}

// Set adds or replaces a fact.
func (f *Facts) Set(n FactName, v float64) {
	for i := range *f {
		if (*f)[i].Name == n {
			(*f)[i].Value = v
			return
		}
	}
	*f = append(*f, Fact{n, v})
}
