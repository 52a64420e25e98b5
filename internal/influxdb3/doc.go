// Package influxdb3 is the part of the InfluxDB 3 HTTP API that tokens live by:
// one method per endpoint, one error type, and a type for secrets that cannot be
// printed by accident.
//
// What the server answers is taken from recordings of InfluxDB 3 Core 3.4,
// 3.7, 3.9 and 3.10 (internal/influxdb3test/testdata); "recorded" in a comment means that.
package influxdb3
