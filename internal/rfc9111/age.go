package rfc9111

import (
	"net/http"
	"strings"
	"time"
)

// InitialAge returns how old a response was on arrival, the
// corrected_initial_age of RFC 9111 section 4.2.3: the larger of what its Date
// tells by the wall clock and what its Age field tells, the time the request
// took added. requested and received are times of this process, so their
// difference is by the monotonic clock.
func InitialAge(h http.Header, requested, received time.Time) time.Duration {
	delay := max(received.Sub(requested), 0)
	// Round strips the monotonic reading: Date is a wall clock's.
	apparent := max(received.Round(0).Sub(ResponseDate(h, received.Round(0))), 0)
	return min(max(apparent, ageField(h)+delay), maxDelta)
}

// CurrentAge returns the age of a response that was initial old on arrival and
// has been stored for resident since. Neither counts below 0, and the result
// is at most 2^31 seconds.
func CurrentAge(initial, resident time.Duration) time.Duration {
	return min(min(max(initial, 0), maxDelta)+min(max(resident, 0), maxDelta), maxDelta)
}

// Resident returns for how long a response has been stored. If both times are
// of this process the monotonic clock decides and a step of the wall clock
// does no harm. If stored was decoded from bytes, a time in the future, which
// a clock set back leaves behind, counts as equally far in the past: such an
// entry ages too early rather than never.
func Resident(stored, now time.Time) time.Duration {
	resident := now.Sub(stored)
	if resident < 0 {
		// Sub saturates, and the smallest duration has no opposite.
		return -max(resident, -maxDelta)
	}
	return resident
}

// ageField reads the Age field (RFC 9111 section 5.1). Of several values the
// first counts, and an invalid one is ignored.
func ageField(h http.Header) time.Duration {
	line, present := firstLine(h, "Age")
	if !present {
		return 0
	}
	if comma := strings.IndexByte(line, ','); comma >= 0 {
		line = trimOWS(line[:comma])
	}
	age, valid := parseDelta(line, false)
	if !valid {
		return 0
	}
	return age
}
