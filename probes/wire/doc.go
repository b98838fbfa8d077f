// Package wire is how every kind of probe touches the network: it resolves a
// name, dials one address, shakes hands and times each of these.
//
// It exists so that what a verdict rests on is decided once: which address was
// asked (the one in the Part, never another by happy eyeballs), whose fault a
// failure is (a Reason that begins with ours_ makes the verdict Unknown), and
// what must never be asked (Guard). Own resolver instead of net.Resolver,
// because that one tells neither SERVFAIL from a dead resolver nor an AAAA
// that was lost from an AAAA that does not exist.
package wire
