// Package baseline holds what a unit approved of its zone: delegation, DS,
// addresses, mail, certificate authorities. The judge compares every look with
// it, because neither DNSSEC nor any resolver sees a change made at the
// registry.
//
// The file is YAML, made to be kept under version control and read by people:
// it says who learned it and when, and who approved it and when.
package baseline
