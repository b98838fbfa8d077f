// Package show renders an Observation for people and for programs: the human
// text and the JSON of `watchpost probe`, and the dictionary that says every
// Reason in words with the first thing to do, which the wall, the alerts and the
// report use as well. It is pure: no network, no clock, no globals that change.
//
// Remote text reaches a terminal only through Safe.
package show
