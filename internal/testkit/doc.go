// Package testkit gives tests real databases and a way to break them.
//
// [Postgres], [MariaDB] and [SQLite] hand out fresh, empty databases; [EachDatabase] and [EveryDatabase] run one test on several. [StartPostgres]
// starts a server of the test's own that may be stopped and started again. [Database.OpenCounted] opens a database through a
// [Probe], which counts every call that reaches the driver and can refuse it, delay it, or lose its answer.
//
// The servers are started from the binaries on the machine, as processes of the test binary: they listen on loopback
// only, with a random password, in a folder of their own, and they end with the test binary however that ends.
// A package that uses it says
//
//	func TestMain(m *testing.M) { testkit.Main(m) }
//
// Only test code imports this package.
package testkit
