// Package exporter turns observations into Prometheus metrics. It is the only
// place of the project where a metric is named: Samples is the pure
// translation that /metrics, the drop-in /probe and the history share, and
// Catalogue lists every name with its labels, so that a test can check that a
// rule or a dashboard asks for nothing that does not exist.
package exporter
