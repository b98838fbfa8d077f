// Package inventory says what is watched. It reads watchpost.yaml (the server)
// and inventory/*.yaml (units, their systems, the systems' checks), and turns
// them into the nouns of package probes, or into every mistake they hold, each
// as file:line:col: unit/system/check: found, expected, did you mean.
//
// Nothing half-starts: Load gives a Config or Problems, never both. What can be
// known from the text alone (durations, URLs, host names, ports, ranges,
// expressions, missing files, circles of dependence) is checked here and not
// when the probe runs.
//
// Around that: Import reads a units' spreadsheet, Init writes a first inventory
// from URLs, Summary says what probing will cost, Schema and Reference are the
// editor's and the reader's description of every key, made from the same
// structs that the files are read into.
package inventory
