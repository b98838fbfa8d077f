// Package lab is a small world of public systems on loopback, some healthy and
// some broken on purpose, to try watchpost on: `watchpost lab`, which is
// `make run`. Start brings up the servers and writes a configuration that the
// ordinary `watchpost serve` reads; nothing in the program knows of the lab.
//
// Units, names, numbers and addresses are invented. No packet leaves loopback.
package lab
