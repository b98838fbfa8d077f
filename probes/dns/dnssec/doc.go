// Package dnssec is a DNSSEC validator (RFC 4033, 4034, 4035, 5155, 6840, 9276)
// made of pure functions: parsed records, keys, a clock and a Budget go in, an
// Outcome comes out. It asks nobody; the walk over the delegation lives in
// probes/dns/walk.
//
// It is our own because no maintained Go validator can be had as a module, and
// because a validating resolver can't be used instead: it retries other servers
// and so hides the fault of one. Records are read and packed by
// github.com/miekg/dns, the curves and most of RSA are the standard library's;
// the canonical form that is signed, RSA keys that crypto/rsa finds too short,
// and all of the policy stand here: the signer must be the zone, times, revoked
// and non-zone keys, denial of existence, wildcards and limits of work
// (CVE-2023-50387 KeyTrap, CVE-2023-50868).
//
// What shows that it is right: RFC 4035 and 5155 appendix B, Unbound's vectors
// and scenarios (.ci/vectors fetches them), fuzzing against the library's own
// canonical form, and Unbound and delv as witnesses of every break mode of
// package zone.
package dnssec
