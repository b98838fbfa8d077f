package zone

import (
	"slices"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/dnssec"
)

// The reasons of the zone and name kinds, beyond the shared ones. Those of the
// validator are "dns_" and its cause.
const (
	// The delegation.

	ParentNSChanged    probes.Reason = "dns_parent_ns_changed"   // the parent's NS set is not the approved one
	ParentDSChanged    probes.Reason = "dns_parent_ds_changed"   // the parent's DS set is not the approved one
	ParentGlueChanged  probes.Reason = "dns_parent_glue_changed" // a delegation address is not the approved one
	ParentDiffers      probes.Reason = "dns_parent_differs"      // the parent's servers disagree about the delegation
	ParentBroken       probes.Reason = "dns_parent_broken"       // a zone above does not validate
	ParentUnreachable  probes.Reason = "dns_parent_unreachable"  // no server of a zone above answers
	DelegationGone     probes.Reason = "dns_delegation_gone"     // the parent says that the zone does not exist
	DelegationDisjoint probes.Reason = "dns_delegation_disjoint" // parent and zone name no server in common
	NSOnlyParent       probes.Reason = "dns_ns_only_parent"      // a server that only the parent names
	NSOnlyChild        probes.Reason = "dns_ns_only_child"       // a server that only the zone names
	NSSingle           probes.Reason = "dns_ns_single"           // one server, or one address, only
	NSAlias            probes.Reason = "dns_ns_alias"            // an NS name is a CNAME
	NSUnresolvable     probes.Reason = "dns_ns_unresolvable"     // an NS name has no address
	NSInvalid          probes.Reason = "dns_ns_invalid"          // an NS name is no host name
	GlueMissing        probes.Reason = "dns_glue_missing"        // a server inside the zone without an address in the parent
	GlueMismatch       probes.Reason = "dns_glue_mismatch"       // the parent's address is not the zone's
	AddressPrivate     probes.Reason = "dns_address_private"     // an address that the Internet does not route

	// A server.

	ServerDead       probes.Reason = "dns_server_dead"       // neither UDP nor TCP answers
	ServerNoUDP      probes.Reason = "dns_server_no_udp"     // only TCP answers
	ServerNoTCP      probes.Reason = "dns_server_no_tcp"     // only UDP answers
	ServerTCNoTCP    probes.Reason = "dns_server_tc_no_tcp"  // truncates, and its TCP does not answer
	ServerRefused    probes.Reason = "dns_server_refused"    // REFUSED
	ServerServFail   probes.Reason = "dns_server_servfail"   // SERVFAIL
	ServerRcode      probes.Reason = "dns_server_rcode"      // another rcode that no authority gives
	ServerNoAA       probes.Reason = "dns_server_no_aa"      // answers without authority
	ServerUpward     probes.Reason = "dns_server_upward"     // refers upwards
	ServerNoSOA      probes.Reason = "dns_server_no_soa"     // no SOA at the apex
	ServerSlow       probes.Reason = "dns_server_slow"       // slower than the check allows
	ServerMismatch   probes.Reason = "dns_server_mismatch"   // replies to another question
	ServerFoldsCase  probes.Reason = "dns_server_folds_case" // does not keep the case of the name
	RepliesDiffer    probes.Reason = "dns_replies_differ"    // one query got two different replies
	TransportDiffers probes.Reason = "dns_transport_differs" // UDP and TCP say different things
	EDNSDropped      probes.Reason = "dns_edns_dropped"      // silent when asked with EDNS
	EDNSFormErr      probes.Reason = "dns_edns_formerr"      // FORMERR or NOTIMP when asked with EDNS
	EDNSMissing      probes.Reason = "dns_edns_missing"      // answers without OPT
	EDNSVersion      probes.Reason = "dns_edns_version"      // another EDNS version does not give BADVERS
	EDNSEcho         probes.Reason = "dns_edns_echo"         // an unknown option comes back
	CookieAltered    probes.Reason = "dns_cookie_altered"    // our cookie came back changed
	RecursionOpen    probes.Reason = "dns_recursion_open"    // resolves names of others for anybody
	TransferOpen     probes.Reason = "dns_transfer_open"     // gives the whole zone to anybody
	SerialBackwards  probes.Reason = "dns_serial_backwards"  // lower than the approved or last seen one
	ServersDiffer    probes.Reason = "dns_servers_differ"    // servers give different answers
	NSSetsDiffer     probes.Reason = "dns_ns_sets_differ"    // servers give different NS sets of the zone

	// The content, against the baseline.

	RecordChanged  probes.Reason = "dns_record_changed"   // not the approved set
	RecordMissing  probes.Reason = "dns_record_missing"   // the approved set is gone
	NSChanged      probes.Reason = "dns_ns_changed"       // the zone's own NS set
	SOAChanged     probes.Reason = "dns_soa_changed"      // MNAME or RNAME
	DNSKEYChanged  probes.Reason = "dns_dnskey_changed"   // keys that no DS vouches for
	NoLongerSecure probes.Reason = "dns_no_longer_secure" // was secure, is insecure
	Wildcard       probes.Reason = "dns_wildcard"         // a random label answers
	TTLDropped     probes.Reason = "dns_ttl_dropped"      // below a tenth of the approved TTL
	TTLZero        probes.Reason = "dns_ttl_zero"
	CAAWeakened    probes.Reason = "dns_caa_weakened"
	SPFWeak        probes.Reason = "dns_spf_weak"
	DMARCWeak      probes.Reason = "dns_dmarc_weak"
	DanglingTarget probes.Reason = "dns_dangling_target" // a CNAME, NS or MX target that does not exist
	DanglingDomain probes.Reason = "dns_dangling_domain" // its registrable domain is free

	// DNSSEC beyond the validator's causes.

	SigSoon        probes.Reason = "dns_sig_soon"        // signatures end soon
	ServerUnsigned probes.Reason = "dns_server_unsigned" // one server has the zone without DNSSEC
	SigsStripped   probes.Reason = "dns_sigs_stripped"   // signatures get lost on the way
	DSStale        probes.Reason = "dns_ds_stale"        // a DS that no key fits
	DSMissing      probes.Reason = "dns_ds_missing"      // the zone is signed, the parent has no DS
	DSDigestWeak   probes.Reason = "dns_ds_digest_weak"  // SHA-1 only
	AlgorithmWeak  probes.Reason = "dns_algorithm_weak"  // SHA-1, or RSA below 2048 bits
	NSEC3Costly    probes.Reason = "dns_nsec3_costly"    // iterations above 0 (RFC 9276)
	NSEC3Salt      probes.Reason = "dns_nsec3_salt"      // a salt (RFC 9276)
	CDSMismatch    probes.Reason = "dns_cds_mismatch"    // CDS or CDNSKEY name no key of the zone, or each other
	AnchorMismatch probes.Reason = "dns_anchor_mismatch" // the root's keys don't fit our trust anchor

	// Resolvers.

	ResolverDiffers  probes.Reason = "dns_resolver_differs"  // answers what no server of the zone says
	ResolversDiffer  probes.Reason = "dns_resolvers_differ"  // several resolvers of the list do
	ResolverNXDomain probes.Reason = "dns_resolver_nxdomain" // makes addresses out of NXDOMAIN
	ResolverBlocked  probes.Reason = "dns_resolver_blocked"  // says itself that it filters (EDE 4, 15-18)
	ResolverBogus    probes.Reason = "dns_resolver_bogus"    // SERVFAIL, and without checking an answer
	ResolverDead     probes.Reason = "dns_resolver_dead"     // does not answer

	// Registration.

	RegistrationSoon    probes.Reason = "dns_registration_soon"
	RegistrationExpired probes.Reason = "dns_registration_expired"
	RegistrationUnknown probes.Reason = "dns_registration_unknown" // the entry is too old to be believed
	RegistrationLock    probes.Reason = "dns_registration_lock"    // a lock of the registry is gone
)

// causes are the validator's causes that become a finding.
func causes() []dnssec.Cause {
	return []dnssec.Cause{
		dnssec.SigMissing, dnssec.SigExpired, dnssec.SigNotYet, dnssec.SigInvalid, dnssec.SigSigner, dnssec.SigLabels,
		dnssec.KeyMissing, dnssec.KeyRevoked, dnssec.KeyNotZone, dnssec.DNSKEYMissing, dnssec.DNSKEYUnsigned,
		dnssec.DNSKEYSigExpired, dnssec.DNSKEYSigNotYet, dnssec.DNSKEYSigInvalid, dnssec.DSNoKey, dnssec.DSDigest,
		dnssec.DSAlgorithm, dnssec.DenialMissing, dnssec.DenialUnsigned, dnssec.DenialWrong, dnssec.WildcardUnproof,
		dnssec.AlgUnsupported, dnssec.NSEC3Iterations, dnssec.WorkLimit, dnssec.Malformed,
	}
}

// CauseReason is the Reason of a validator's cause.
func CauseReason(c dnssec.Cause) probes.Reason {
	if c == dnssec.None || !slices.Contains(causes(), c) {
		return probes.Reason("dns_" + dnssec.Malformed)
	}
	return probes.Reason("dns_" + c)
}

// Reasons is the closed list of the reasons of both kinds, sorted.
func Reasons() []probes.Reason {
	l := []probes.Reason{
		ParentNSChanged, ParentDSChanged, ParentGlueChanged, ParentDiffers, ParentBroken, ParentUnreachable,
		DelegationGone, DelegationDisjoint, NSOnlyParent, NSOnlyChild, NSSingle, NSAlias, NSUnresolvable, NSInvalid,
		GlueMissing, GlueMismatch, AddressPrivate, ServerDead, ServerNoUDP, ServerNoTCP, ServerTCNoTCP, ServerRefused, ServerServFail,
		ServerRcode, ServerNoAA, ServerUpward, ServerNoSOA, ServerSlow, ServerMismatch, ServerFoldsCase, RepliesDiffer,
		TransportDiffers, EDNSDropped, EDNSFormErr, EDNSMissing, EDNSVersion, EDNSEcho, CookieAltered, RecursionOpen,
		TransferOpen, SerialBackwards, ServersDiffer, NSSetsDiffer, RecordChanged, RecordMissing, NSChanged, SOAChanged,
		DNSKEYChanged, NoLongerSecure, Wildcard, TTLDropped, TTLZero, CAAWeakened, SPFWeak, DMARCWeak, DanglingTarget,
		DanglingDomain, SigSoon, ServerUnsigned, SigsStripped, DSStale, DSMissing, DSDigestWeak, AlgorithmWeak,
		NSEC3Costly, NSEC3Salt, CDSMismatch, AnchorMismatch, ResolverDiffers, ResolversDiffer, ResolverNXDomain,
		ResolverBlocked, ResolverBogus, ResolverDead, RegistrationSoon, RegistrationExpired, RegistrationUnknown,
		RegistrationLock,
	}
	for _, c := range causes() {
		l = append(l, CauseReason(c))
	}
	slices.Sort(l)
	return l
}
