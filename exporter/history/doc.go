// Package history keeps what was observed: Prometheus' TSDB, PromQL and HTTP
// API inside the process, or a remote Prometheus behind the same Querier, and
// a bounded store of evidence beside it. It is one of the two owners of
// prometheus/prometheus (the other is alerting/engine), whose constructors
// change with every minor version.
//
// What it promises: Observe never blocks; what was committed survives a
// kill -9; and when the disk fails or fills, new samples stay in memory where
// rules and queries see them, and are written down once the disk is back.
package history
