package zone

import (
	"slices"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/dnssec"
)

// fold takes findings out that only follow from another one, so that one root
// cause is one incident.
func (j *judge) fold() {
	fs := j.out.Findings
	out := fs[:0:0]
	for i, f := range fs {
		if !slices.ContainsFunc(fs, func(cause Finding) bool { return follows(f, cause) }) &&
			!slices.ContainsFunc(fs[:i], func(other Finding) bool { return twins(f, other) }) {
			out = append(out, f)
		}
	}
	j.out.Findings = out
}

// twins are one thing found at one address that has two names.
func twins(f, other Finding) bool {
	return f.Address != "" && f.Address == other.Address && f.Server != other.Server && f.Reason == other.Reason && f.Record == other.Record
}

// ownWord is what servers say of themselves.
func ownWord(r probes.Reason) bool { return r == NSChanged || r == SOAChanged }

// lesser is the same thing of the same server, and not as grave.
func lesser(f, cause Finding) bool {
	return f.Reason == cause.Reason && f.Server == cause.Server && f.Severity < cause.Severity
}

func changed(r probes.Reason) bool { return r == RecordChanged || r == RecordMissing }

// follows tells whether f is there only because of cause.
func follows(f, cause Finding) bool {
	if f.Server == cause.Server && f.Address == cause.Address && followsAtServer(f, cause) {
		return true
	}
	switch cause.Reason {
	case ParentNSChanged: // other servers say other things of themselves
		return ownWord(f.Reason)
	case GlueMismatch:
		return lesser(f, cause)
	case GlueMissing:
		return f.Reason == NSUnresolvable && f.Server == cause.Server
	}
	return false
}

// followsAtServer is follows for two findings of one server's answers.
func followsAtServer(f, cause Finding) bool {
	record := f.Record == cause.Record
	switch cause.Reason {
	case SPFWeak, DMARCWeak, probes.DNSSerialLag:
		return record && changed(f.Reason)
	case RepliesDiffer: // the first reply, perhaps the forged one, was judged
		return record && (changed(f.Reason) || validates(f.Reason) || f.Reason == TransportDiffers)
	case EDNSMissing: // without OPT there is no DO, and so no signature
		return validates(f.Reason)
	case CauseReason(dnssec.Malformed): // what has no place in the answer has no signature either
		return record && f.Reason != cause.Reason && validates(f.Reason)
	case CauseReason(dnssec.DenialUnsigned): // what an invalid record says of its parameters was perhaps put there
		return f.Reason == NSEC3Costly || f.Reason == NSEC3Salt
	case CauseReason(dnssec.NSEC3Iterations): // the costly parameters are what made the iterations too many
		return f.Reason == NSEC3Costly
	}
	return false
}
