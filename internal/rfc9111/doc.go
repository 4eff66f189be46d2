// Package rfc9111 holds the rules of HTTP caching as pure functions of header
// fields, times and durations: it does no I/O, starts no goroutine, keeps no
// state and reads no clock.
//
// One file covers one part of the RFCs:
//
//	directives.go    Cache-Control                    RFC 9111 section 5.2, RFC 5861, RFC 8246
//	scanner.go       members of a field line
//	delta.go         delta-seconds                    RFC 9111 section 1.2.2
//	targeted.go      CDN-Cache-Control                RFC 9213
//	storable.go      may a response be stored         RFC 9111 sections 3 and 3.5
//	hopbyhop.go      fields that are never stored     RFC 9111 section 3.1
//	freshness.go     freshness lifetime, heuristics   RFC 9111 sections 4.2.1 and 4.2.2
//	age.go           current age                      RFC 9111 sections 4.2.3 and 5.1
//	vary.go          variants and their keys          RFC 9111 section 4.1
//	validate.go      conditional requests, 304        RFC 9111 section 4.3.2, RFC 9110 section 13
//	freshen.go       updating what is stored          RFC 9111 sections 3.2, 4.3.4 and 4.3.5
//	request.go       request directives, stale use    RFC 9111 sections 4.2.4 and 5.2.1
//	invalidation.go  unsafe methods                   RFC 9111 section 4.4
//	cachestatus.go   Cache-Status                     RFC 9211
//	date.go          HTTP dates                       RFC 9110 section 5.6.7
//	field.go         names and values of fields       RFC 9110 section 5
//
// Functions that take an [http.Header] look names up in their canonical form;
// [Canonical] repairs a map that a handler filled by hand. No function panics,
// whatever bytes it is given, and none keeps or changes a header map unless
// its comment says so.
package rfc9111
