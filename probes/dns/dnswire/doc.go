// Package dnswire is the DNS message and its transport: the only face of
// github.com/miekg/dns that the walk, the kinds and the baseline see, so that
// its successor can take its place in one package. The validator
// (probes/dns/dnssec) takes the same types.
//
// The exchange is our own, because the library's Client accepts a reply to
// another question, one that isn't a reply at all, stops at a stray datagram
// and doesn't turn to TCP (research/dns.md 4.2). Bounds of one Ask: Attempts
// datagrams sent, MaxStrays datagrams read beside the answer, 64 KiB read over
// UDP or TCP, one TCP connection, and the deadline of the context.
package dnswire
