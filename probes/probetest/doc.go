// Package probetest is what probes are tried on: servers that misbehave on
// purpose, certificates with every fault, a DNS server for names, and the
// contract that each kind must pass. All but Contract works without a test, so
// that the lab can show the same faults to people.
package probetest
