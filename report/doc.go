// Package report tells, after the holiday, how available each system was, and
// can defend every figure it prints.
//
// The arithmetic is pure: samples in, a Timeline out, and a Timeline always
// covers its period once and only once, so the seconds of the five classes sum
// to the period. Reading history (Source) and writing HTML, CSV and JSON stand
// apart from it.
//
// The rules, which the report prints in its own annex:
//
//  1. A look holds until the next one. A gap longer than two intervals is
//     Unknown from one interval after the last look on.
//  2. An outage counts from its first failed look to its first successful one,
//     although either was confirmed later. Hindsight never rewrites Unknown.
//  3. Planned maintenance covers everything; it is neither up nor down.
//  4. Availability is 1 − down / (period − maintenance − unknown). Beside it
//     stands the pessimistic figure, in which Unknown counts as down.
//  5. Percentages are rounded down, in whole numbers of nanoseconds: 99.996 %
//     never reads 100.00 %. Without a measured second there is no percentage.
package report
