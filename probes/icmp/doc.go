// Package icmp asks addresses by echo request ("ping"), every address of a name
// apart. See README.md for its settings.
//
// It tells little by itself: many public systems filter ICMP, and one that
// answers may serve nothing. It earns its place beside tcp and http checks, for
// equipment that speaks nothing else, and as an anchor of the uplink guard.
package icmp
