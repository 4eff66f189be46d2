package sqltext

import "strings"

// maxClockText bounds the strings that a server would try to read as a date and time.
const maxClockText = 128

// ClockWord is true if a string is one that PostgreSQL may read as the time of day where a date or time is expected: it
// is short and one of its words is now, today, tomorrow or yesterday. The answer of a query with such an argument
// changes though no row does.
func ClockWord(s string) bool {
	if len(s) > maxClockText {
		return false
	}
	for word := range strings.FieldsFuncSeq(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) {
		switch len(word) {
		case 3, 5, 8, 9:
			switch strings.ToLower(word) {
			case "now", "today", "tomorrow", "yesterday":
				return true
			}
		}
	}
	return false
}
