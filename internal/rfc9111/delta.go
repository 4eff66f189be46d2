package rfc9111

import (
	"strconv"
	"time"
)

// maxDelta is what a delta-seconds too large to represent is read as
// (RFC 9111 section 1.2.2): 2^31 seconds, about 68 years.
const maxDelta = 1 << 31 * time.Second

// Delta is the argument of a directive that takes delta-seconds. The zero
// value says that the directive is absent.
type Delta struct {
	// Duration is never negative and never above 2^31 seconds.
	Duration time.Duration
	// Set reports whether the directive was present.
	Set bool
}

// FormatSeconds writes d as delta-seconds: whole seconds, rounded down, not
// below 0 and not above 2^31. It is the value of the Age field.
func FormatSeconds(d time.Duration) string {
	return strconv.FormatInt(int64(min(max(d, 0), maxDelta)/time.Second), 10)
}

// lower records d, keeping the smallest of several values.
func (v *Delta) lower(d time.Duration) {
	if !v.Set || d < v.Duration {
		*v = Delta{Duration: d, Set: true}
	}
}

// raise records d, keeping the largest of several values.
func (v *Delta) raise(d time.Duration) {
	if !v.Set || d > v.Duration {
		*v = Delta{Duration: d, Set: true}
	}
}

// parseDelta reads delta-seconds (RFC 9111 section 1.2.2): digits only, larger
// values saturate. Signs, fractions, blanks and anything after the digits make
// it invalid. In the content of a quoted string a backslash escapes a digit.
func parseDelta(s string, quoted bool) (time.Duration, bool) {
	seconds, digits := int64(0), 0
	for i := 0; i < len(s); i++ {
		if quoted && s[i] == '\\' && i+1 < len(s) {
			i++
		}
		c := s[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		digits++
		seconds = min(seconds*10+int64(c-'0'), int64(maxDelta/time.Second))
	}
	return time.Duration(seconds) * time.Second, digits > 0
}

// saturate turns a count of seconds into a duration between 0 and maxDelta.
func saturate(seconds int64) time.Duration {
	return time.Duration(min(max(seconds, 0), int64(maxDelta/time.Second))) * time.Second
}
