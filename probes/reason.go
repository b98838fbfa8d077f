package probes

import "slices"

// Reason says why a verdict or finding is what it is. It is a word from a
// closed list: label value, report column and row of a runbook. Remote text
// never becomes a Reason; it goes into Detail, quoted and bounded.
type Reason string

// The reasons of the five basic kinds. A kind with more of its own (DNS
// integrity, web integrity) declares them as constants in its package and
// lists them in its Kind.Reasons; Reasons here are the shared ones.
const (
	OK Reason = "" // nothing to say: the verdict is Up

	// Ours: the verdict is Unknown.

	OursOverrun    Reason = "ours_overrun"    // the probe did not come back by its deadline
	OursPanic      Reason = "ours_panic"      // the probe panicked
	OursNoRoute    Reason = "ours_no_route"   // no route or address of that family here
	OursResolver   Reason = "ours_resolver"   // our resolver did not answer
	OursSockets    Reason = "ours_sockets"    // out of file descriptors, ports or buffers
	OursPermission Reason = "ours_permission" // the kernel forbids this kind of socket
	OursUplink     Reason = "ours_uplink"     // the anchors of this vantage are lost
	OursRestart    Reason = "ours_restart"    // not looked since the start
	OursClock      Reason = "ours_clock"      // the clock jumped
	OursBlocked    Reason = "ours_blocked"    // the SSRF guard forbids this address
	OursCanceled   Reason = "ours_canceled"   // stopped or reloaded while asking

	DNSNXDomain  Reason = "dns_nxdomain"  // the name does not exist
	DNSNoAddress Reason = "dns_noaddress" // the name exists and has no A or AAAA
	DNSServFail  Reason = "dns_servfail"
	DNSRefused   Reason = "dns_refused"
	DNSTimeout   Reason = "dns_timeout"
	DNSRcode     Reason = "dns_rcode"   // another rcode than expected
	DNSAnswer    Reason = "dns_answer"  // the record set is not the expected one
	DNSGarbage   Reason = "dns_garbage" // the reply could not be parsed or did not match
	DNSTruncated Reason = "dns_truncated"
	DNSSerialLag Reason = "dns_serial_lag" // one server's serial stays behind

	TCPRefused     Reason = "tcp_refused"
	TCPTimeout     Reason = "tcp_timeout"
	TCPReset       Reason = "tcp_reset"
	TCPClosed      Reason = "tcp_closed" // closed before the expected bytes
	TCPUnreachable Reason = "tcp_unreachable"
	TCPBanner      Reason = "tcp_banner" // the banner is not as expected

	TLSHandshake   Reason = "tls_handshake"
	TLSTimeout     Reason = "tls_timeout"
	TLSLegacyOnly  Reason = "tls_legacy_only" // speaks only what crypto/tls refuses
	TLSExpired     Reason = "tls_expired"
	TLSNotYet      Reason = "tls_not_yet"
	TLSExpiring    Reason = "tls_expiring"
	TLSHost        Reason = "tls_host"         // the certificate is for another name
	TLSSelfSigned  Reason = "tls_self_signed"  // a lone self-signed certificate
	TLSUntrusted   Reason = "tls_untrusted"    // the root is not trusted
	TLSChain       Reason = "tls_chain"        // an intermediate is missing
	TLSChainOrder  Reason = "tls_chain_order"  // certificates presented out of order
	TLSWeakKey     Reason = "tls_weak_key"     // RSA below 2048 bits and the like
	TLSWeakSig     Reason = "tls_weak_sig"     // SHA-1 or MD5 in the chain
	TLSProtocol    Reason = "tls_protocol"     // an old protocol version was negotiated
	TLSPlaintext   Reason = "tls_plaintext"    // the server does not speak TLS here
	TLSStartTLS    Reason = "tls_starttls"     // STARTTLS was refused or broken
	TLSCertsDiffer Reason = "tls_certs_differ" // addresses of one name show different certificates

	HTTPStatus    Reason = "http_status"
	HTTPBody      Reason = "http_body"   // the body expectation failed
	HTTPHeader    Reason = "http_header" // a header expectation failed
	HTTPTimeout   Reason = "http_timeout"
	HTTPProtocol  Reason = "http_protocol"   // the answer is not HTTP
	HTTPTooLarge  Reason = "http_too_large"  // headers or body over the limit
	HTTPRedirect  Reason = "http_redirect"   // loop, too many, or to a forbidden place
	HTTPDowngrade Reason = "http_downgrade"  // https redirects to http
	HTTPSlow      Reason = "http_slow"       // slower than the check allows
	HTTPEarlyEnd  Reason = "http_early_end"  // the body ended before its length
	HTTPBadEncode Reason = "http_bad_encode" // decompression failed or is a bomb

	ICMPTimeout     Reason = "icmp_timeout"
	ICMPUnreachable Reason = "icmp_unreachable"
	ICMPLoss        Reason = "icmp_loss" // some of the packets were lost

	PartlyDown Reason = "partly_down" // some addresses fail, others answer
)

// Ours tells whether the reason is our own fault, so that the verdict is Unknown.
func (r Reason) Ours() bool { return len(r) > 5 && r[:5] == "ours_" }

// SharedReasons is the closed list of the reasons above, OK left out, sorted.
func SharedReasons() []Reason {
	l := []Reason{
		OursOverrun, OursPanic, OursNoRoute, OursResolver, OursSockets, OursPermission, OursUplink,
		OursRestart, OursClock, OursBlocked, OursCanceled,
		DNSNXDomain, DNSNoAddress, DNSServFail, DNSRefused, DNSTimeout, DNSRcode, DNSAnswer, DNSGarbage,
		DNSTruncated, DNSSerialLag,
		TCPRefused, TCPTimeout, TCPReset, TCPClosed, TCPUnreachable, TCPBanner,
		TLSHandshake, TLSTimeout, TLSLegacyOnly, TLSExpired, TLSNotYet, TLSExpiring, TLSHost, TLSSelfSigned,
		TLSUntrusted, TLSChain, TLSChainOrder, TLSWeakKey, TLSWeakSig, TLSProtocol, TLSPlaintext, TLSStartTLS,
		TLSCertsDiffer,
		HTTPStatus, HTTPBody, HTTPHeader, HTTPTimeout, HTTPProtocol, HTTPTooLarge, HTTPRedirect, HTTPDowngrade,
		HTTPSlow, HTTPEarlyEnd, HTTPBadEncode,
		ICMPTimeout, ICMPUnreachable, ICMPLoss, PartlyDown,
	}
	slices.Sort(l)
	return l
}
