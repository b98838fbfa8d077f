// Package engine runs the field's own alerting inside watchpost: Prometheus'
// rule manager and Alertmanager's dispatch, inhibition, silences and
// notification log, behind a small face.
//
// It is the only package that imports prometheus/rules, prometheus/notifier and
// prometheus/alertmanager: their constructors change with every minor version.
// The same rule files and the same alertmanager.yml run unchanged on an outside
// Prometheus and an Alertmanager cluster; nothing here is a second alert
// arithmetic. What is added is what embedding loses: alerts that survive a
// restart (snapshot.go), notifications that go on while the storage fails
// (watch.go), and state on disk within milliseconds (saver.go).
package engine
