// Package dnssec is a DNSSEC validator (RFC 4033, 4034, 4035, 5155, 6840, 9276)
// made of pure functions: parsed records, keys, a clock and a Budget go in, an
// Outcome comes out. It asks nobody; the walk over the delegation lives in
// probes/dns/walk.
//
// It is our own because no maintained Go validator can be had as a module, and
// because a validating resolver can't be used instead: it retries other servers
// and so hides the fault of one. The signature arithmetic itself is
// github.com/miekg/dns and the standard library; what stands here is the policy
// around it, which that library leaves to its callers: the signer must be the
// zone, times, revoked and non-zone keys, denial of existence, wildcards and
// limits of work (CVE-2023-50387 KeyTrap, CVE-2023-50868).
package dnssec
