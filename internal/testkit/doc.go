// Package testkit gives tests real databases and a way to break them.
//
// [Postgres] and [SQLite] hand out fresh, empty databases; [EachDatabase] runs one test on both. [StartPostgres] starts
// a server of the test's own that may be stopped and started again. [Database.OpenCounted] opens a database through a
// [Probe], which counts every call that reaches the driver and can refuse it, delay it, or lose its answer.
//
// The PostgreSQL server is started from the binaries on the machine, as a process of the test binary: it listens on
// loopback only, with a random password, in a folder of its own, and it ends with the test binary however that ends.
// A package that uses it says
//
//	func TestMain(m *testing.M) { testkit.Main(m) }
//
// Only test code imports this package.
package testkit
