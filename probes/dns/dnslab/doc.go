// Package dnslab is a DNS hierarchy of authoritative servers inside the test's
// own process, signed afresh and broken on purpose: root, vn, gov.vn and units,
// each server on a loopback address of its own and all on one port. It is for
// tests, and no witness of what is right: real servers are (see zone's lab test).
package dnslab
