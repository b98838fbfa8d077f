package zone

import (
	"slices"
	"strconv"

	"watchpost.example/probes"
	"watchpost.example/probes/dns/dnswire"
)

// cds is D9: what the zone asks its parent to publish (RFC 7344, 8078).
func (j *judge) cds() {
	top := j.newest()
	for _, s := range j.answering {
		found := j.cdsFault(s)
		if found == "" && top != nil && s != top && serial(s) == serial(top) {
			if a, b := cdsTexts(j, s), cdsTexts(j, top); s.CDS.judgeable() && top.CDS.judgeable() && !slices.Equal(a, b) {
				found = words(a) + "; " + top.Name + " of the same serial has " + words(b)
			}
		}
		if found != "" {
			j.server(s, CDSMismatch, probes.Ticket, j.l.Zone+" CDS", "CDS and CDNSKEY that keep the delegation and say the same", found, s.CDS, s.CDNSKEY)
		}
	}
}

func cdsTexts(j *judge, s *Server) []string {
	return dnswire.RdataSet(answerSet(s.CDS, j.l.Zone, dnswire.TypeCDS))
}

// cdsFault says what would go wrong if the parent did as it is asked; "" when
// nothing. The set counts as a whole: a record for a key in standby may stand
// beside one of a key in use (RFC 7344 section 4.1).
func (j *judge) cdsFault(s *Server) string {
	keys := keyRecords(j.l.Zone, s.DNSKEY.Msg())
	var cds []*dnswire.CDS
	var cdnskey []*dnswire.CDNSKEY
	for _, rr := range answerSet(s.CDS, j.l.Zone, dnswire.TypeCDS) {
		if c, ok := rr.(*dnswire.CDS); ok {
			cds = append(cds, c)
		}
	}
	for _, rr := range answerSet(s.CDNSKEY, j.l.Zone, dnswire.TypeCDNSKEY) {
		if c, ok := rr.(*dnswire.CDNSKEY); ok {
			cdnskey = append(cdnskey, c)
		}
	}
	if slices.ContainsFunc(cds, func(c *dnswire.CDS) bool { return c.Algorithm == 0 }) || slices.ContainsFunc(cdnskey, func(c *dnswire.CDNSKEY) bool { return c.Algorithm == 0 }) {
		if len(j.trust.DS) == 0 {
			return "" // the parent has done it
		}
		return "the zone asks its parent to take DNSSEC away (CDS 0 0 0 00)"
	}
	return cmpFault(cds, cdnskey, keys)
}

func cmpFault(cds []*dnswire.CDS, cdnskey []*dnswire.CDNSKEY, keys []*dnswire.DNSKEY) string {
	known := func(fits func(k *dnswire.DNSKEY) bool) bool { return slices.ContainsFunc(keys, fits) }
	if len(cds) > 0 && !slices.ContainsFunc(cds, func(c *dnswire.CDS) bool {
		return known(func(k *dnswire.DNSKEY) bool { return fitsKey(&c.DS, k) })
	}) {
		return "no key for CDS " + dnswire.Rdata(cds[0])
	}
	if len(cdnskey) > 0 && !slices.ContainsFunc(cdnskey, func(c *dnswire.CDNSKEY) bool {
		return known(func(k *dnswire.DNSKEY) bool { return k.PublicKey == c.PublicKey && k.Algorithm == c.Algorithm })
	}) {
		return "no key for CDNSKEY " + strconv.Itoa(int(cdnskey[0].KeyTag()))
	}
	if len(cds) == 0 || len(cdnskey) == 0 {
		return ""
	}
	for _, c := range cds {
		if !slices.ContainsFunc(cdnskey, func(n *dnswire.CDNSKEY) bool { return fitsKey(&c.DS, &n.DNSKEY) }) {
			return "no CDNSKEY for CDS " + dnswire.Rdata(c)
		}
	}
	for _, n := range cdnskey {
		if !slices.ContainsFunc(cds, func(c *dnswire.CDS) bool { return fitsKey(&c.DS, &n.DNSKEY) }) {
			return "no CDS for CDNSKEY " + strconv.Itoa(int(n.KeyTag()))
		}
	}
	return ""
}
