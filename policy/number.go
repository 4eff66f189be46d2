package policy

import (
	"strconv"
	"strings"
	"time"
)

// parseDuration reads a duration above zero, without a sign.
func parseDuration(s string) (time.Duration, bool) {
	if strings.HasPrefix(s, "+") {
		return 0, false
	}
	d, err := time.ParseDuration(s)
	return d, err == nil && d > 0
}

// formatDuration is the shortest form that parseDuration reads back: 10m, not 10m0s. Zero is empty.
func formatDuration(d time.Duration) string {
	if d == 0 {
		return ""
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// parseCount reads decimal digits: a number above zero that an int holds.
func parseCount(s string) (int, bool) {
	if !digits(s) {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n > 0
}

// parsePercentage reads digits, perhaps a decimal point and more digits, and a percent sign, as a fraction above 0 and
// below 1. The fraction is the float64 nearest to the number as written: dividing by 100 would round twice, and what
// formatPercentage prints would not always come back.
func parsePercentage(s string) (float64, bool) {
	s, ok := strings.CutSuffix(s, "%")
	whole, rest, point := strings.Cut(s, ".")
	if !ok || !digits(whole) || (point && !digits(rest)) {
		return 0, false
	}
	f, err := strconv.ParseFloat(s+"e-2", 64)
	return f, err == nil && f > 0 && f < 1
}

// formatPercentage is the shortest form that parsePercentage reads back, made by moving the decimal point in the text.
// Zero is empty.
func formatPercentage(f float64) string {
	if f == 0 {
		return ""
	}
	rest, ok := strings.CutPrefix(strconv.FormatFloat(f, 'f', -1, 64), "0.")
	if !ok { // not a fraction: only for the message that says so
		return strconv.FormatFloat(f*100, 'g', -1, 64) + "%"
	}
	if len(rest) == 1 {
		rest += "0"
	}
	s := strings.TrimLeft(rest[:2], "0")
	if s == "" {
		s = "0"
	}
	if rest[2:] != "" {
		s += "." + rest[2:]
	}
	return s + "%"
}

// digits reports whether s is one decimal digit or more, and nothing else.
func digits(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}
