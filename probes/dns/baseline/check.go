package baseline

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"watchpost.example/inventory/source"
	"watchpost.example/probes/dns/dnswire"
)

// checkDelegation finds what is no name, DS or key outside of the records.
func checkDelegation(z *Zone, bad func(text string, path ...any)) {
	for _, l := range []struct {
		names []string
		path  []any
	}{{z.Parent.NS, []any{"parent", "ns"}}, {z.NS, []any{"ns"}}} {
		for i, n := range l.names {
			if !dnswire.ValidName(n) || strings.ContainsAny(n, " /:") {
				bad(strconv.Quote(n)+" is no server name such as ns1.donvi.example.", append(l.path, i)...)
			}
		}
	}
	for i, g := range z.Parent.Glue {
		if !dnswire.ValidName(g.Name) || len(g.Addresses) == 0 {
			bad("needs the name of a server and its addresses", "parent", "glue", i)
		}
	}
	checkKeys(z, bad)
	if (z.SOA.MName == "") != (z.SOA.RName == "") {
		bad("needs both mname and rname", "soa")
	}
	if r := z.Random; r != nil && r.Rcode != "NOERROR" && r.Rcode != "NXDOMAIN" {
		bad("is neither NXDOMAIN nor NOERROR", "random", "rcode")
	}
}

func checkKeys(z *Zone, bad func(text string, path ...any)) {
	for i, d := range z.Parent.DS {
		if c, err := canonical(z.Zone, "DS", d); err != nil {
			bad(strconv.Quote(d)+" is no DS: key tag, algorithm, digest type, digest", "parent", "ds", i)
		} else {
			z.Parent.DS[i] = c
		}
	}
	for i, k := range z.DNSKEY {
		if c, err := canonical(z.Zone, "DNSKEY", k); err != nil {
			bad(strconv.Quote(k)+" is no DNSKEY: flags, protocol, algorithm, key", "dnskey", i)
		} else {
			z.DNSKEY[i] = c
		}
	}
}

func checkRecord(z *Zone, i int, bad func(text string, path ...any)) {
	r := &z.Records[i]
	r.Name = fullName(r.Name, z.Zone)
	r.Type = strings.ToUpper(r.Type)
	checkPolicy(r, i, bad)
	if _, ok := dnswire.TypeNumber(r.Type); !ok || !dnswire.ValidName(r.Name) {
		bad("has no DNS type such as A or MX, or no name", "records", i)
		return
	}
	if !dnswire.Under(z.Zone, r.Name) {
		bad(r.Name+" lies outside the zone "+z.Zone, "records", i, "name")
	}
	if k := slices.IndexFunc(z.Records[:i], func(o Record) bool { return o.Name == r.Name && o.Type == r.Type }); k >= 0 {
		bad("is the second entry for "+r.Name+" "+r.Type+": put the values into one", "records", i)
	}
	for k, val := range r.Values {
		c, err := value(r, val)
		if err != nil {
			bad(strconv.Quote(val)+" is no "+r.Type+" record's value", "records", i, "values", k)
			continue
		}
		r.Values[k] = c
	}
}

// value makes a value comparable; an alias in the place of another type is
// written "CNAME target".
func value(r *Record, val string) (string, error) {
	if target, ok := strings.CutPrefix(val, "CNAME "); ok && r.Type != "CNAME" {
		c, err := canonical(r.Name, "CNAME", target)
		return "CNAME " + c, err
	}
	return canonical(r.Name, r.Type, val)
}

// checkPolicy finds a policy that is none, or that can never fit.
func checkPolicy(r *Record, i int, bad func(text string, path ...any)) {
	wide := len(r.Networks)+len(r.ASN)+len(r.Suffixes) > 0
	switch r.Policy {
	case "":
		r.Policy = Exact
		if wide {
			bad("networks, asn and suffixes want policy: within", "records", i)
		}
	case Exact, Subset, Ignore:
		if wide {
			bad("networks, asn and suffixes want policy: within", "records", i, "policy")
		}
	case Within:
		if !wide {
			bad("within wants networks, asn or suffixes to lie in", "records", i, "policy")
		}
	default:
		bad("is no policy"+source.OneOf(string(r.Policy), Policies()), "records", i, "policy")
	}
	for k, p := range r.Networks {
		r.Networks[k] = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()).Masked()
		if !r.Networks[k].IsValid() {
			bad(p.String()+" is no network such as 192.0.2.0/24", "records", i, "networks", k)
		}
	}
	for k, s := range r.Suffixes {
		if s = strings.TrimPrefix(s, "."); !dnswire.ValidName(s) || s == "" || strings.ContainsAny(s, " /:") {
			bad(strconv.Quote(s)+" is no suffix such as cdn.example.", "records", i, "suffixes", k)
			continue
		}
		r.Suffixes[k] = dnswire.Name(s)
	}
}
