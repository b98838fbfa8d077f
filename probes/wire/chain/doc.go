// Package chain judges a presented certificate chain. It asks nothing: the
// certificates were captured by a handshake that accepts anything, so that the
// facts of an expired, foreign or incomplete chain are known before it is
// judged, and stay known whatever the judgement is.
package chain
