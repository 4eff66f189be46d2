package rfc9111

import (
	"net/http"
	"strings"
	"time"
)

// FormatDate writes t as an IMF-fixdate, the form every sender must use
// (RFC 9110 section 5.6.7).
func FormatDate(t time.Time) string {
	return t.UTC().Format(http.TimeFormat)
}

// ParseDate reads a date of RFC 9110 section 5.6.7 in any of its three forms:
// IMF-fixdate, RFC 850 and asctime. Letter case and surrounding blanks are not
// looked at, nor whether the name of the day fits; all else must follow the
// grammar. now decides the century of the two digits of an RFC 850 year: a
// date more than 50 years ahead is in the past. The result is in UTC.
func ParseDate(value string, now time.Time) (time.Time, bool) {
	s := trimOWS(value)
	comma := strings.IndexByte(s, ',')
	switch {
	case comma == 3:
		return parseFixdate(s)
	case comma > 3:
		return parseRFC850(s, comma, now)
	default:
		return parseASCTime(s)
	}
}

// parseFixdate reads "Sun, 06 Nov 1994 08:49:37 GMT".
func parseFixdate(s string) (time.Time, bool) {
	if len(s) != 29 || s[4] != ' ' || s[7] != ' ' || s[11] != ' ' || s[16] != ' ' ||
		!dayName(s[:3]) || !foldEqual(s[25:], " GMT") {
		return time.Time{}, false
	}
	day, dayOK := number(s[5:7])
	year, yearOK := number(s[12:16])
	if !dayOK || !yearOK {
		return time.Time{}, false
	}
	return assemble(year, s[8:11], day, s[17:25])
}

// parseRFC850 reads "Sunday, 06-Nov-94 08:49:37 GMT".
func parseRFC850(s string, comma int, now time.Time) (time.Time, bool) {
	rest := s[comma+1:]
	if len(rest) != 23 || rest[0] != ' ' || rest[3] != '-' || rest[7] != '-' || rest[10] != ' ' ||
		!longDayName(s[:comma]) || !foldEqual(rest[19:], " GMT") {
		return time.Time{}, false
	}
	day, dayOK := number(rest[1:3])
	digits, yearOK := number(rest[8:10])
	if !dayOK || !yearOK {
		return time.Time{}, false
	}
	now = now.UTC()
	year := now.Year() - now.Year()%100 + digits
	t, ok := assemble(year, rest[4:7], day, rest[11:19])
	// 29 February may exist only in the other century.
	if !ok || t.After(now.AddDate(50, 0, 0)) {
		return assemble(year-100, rest[4:7], day, rest[11:19])
	}
	return t, true
}

// parseASCTime reads "Sun Nov  6 08:49:37 1994".
func parseASCTime(s string) (time.Time, bool) {
	if len(s) != 24 || s[3] != ' ' || s[7] != ' ' || s[10] != ' ' || s[19] != ' ' || !dayName(s[:3]) {
		return time.Time{}, false
	}
	digits := s[8:10]
	if digits[0] == ' ' {
		digits = digits[1:]
	}
	day, dayOK := number(digits)
	year, yearOK := number(s[20:])
	if !dayOK || !yearOK {
		return time.Time{}, false
	}
	return assemble(year, s[4:7], day, s[11:19])
}

// assemble puts the parts of a date together; clock is "08:49:37". A 60th
// second is a leap second and read as the next one.
func assemble(year int, month string, day int, clock string) (time.Time, bool) {
	m := monthNumber(month)
	hour, hourOK := number(clock[:2])
	minute, minuteOK := number(clock[3:5])
	second, secondOK := number(clock[6:])
	if m == 0 || !hourOK || !minuteOK || !secondOK || clock[2] != ':' || clock[5] != ':' ||
		hour > 23 || minute > 59 || second > 60 ||
		day < 1 || time.Date(year, m, day, 0, 0, 0, 0, time.UTC).Day() != day {
		return time.Time{}, false
	}
	return time.Date(year, m, day, hour, minute, second, 0, time.UTC), true
}

// number reads digits only.
func number(s string) (int, bool) {
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, s != ""
}

// monthNumber returns 0 for what is no name of a month.
func monthNumber(name string) time.Month {
	const names = "JanFebMarAprMayJunJulAugSepOctNovDec"
	for i := 0; i < len(names); i += 3 {
		if foldEqual(name, names[i:i+3]) {
			return time.Month(i/3 + 1)
		}
	}
	return 0
}

// dayName reports whether name is a day of the week in three letters.
func dayName(name string) bool {
	for day := time.Sunday; day <= time.Saturday; day++ {
		if foldEqual(name, day.String()[:3]) {
			return true
		}
	}
	return false
}

// longDayName reports whether name is a day of the week in full.
func longDayName(name string) bool {
	for day := time.Sunday; day <= time.Saturday; day++ {
		if foldEqual(name, day.String()) {
			return true
		}
	}
	return false
}
