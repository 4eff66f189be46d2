package middleware

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// negotiated is a header with the fields that differ only in how they are written made equal: Accept-Encoding by the set of
// codings, Accept-Language by languages and weights. It shares all else with h.
func negotiated(h http.Header) http.Header {
	if len(h["Accept-Encoding"]) == 0 && len(h["Accept-Language"]) == 0 {
		return h
	}
	same := make(http.Header, len(h))
	for name, lines := range h {
		same[name] = lines
	}
	for _, name := range [...]string{"Accept-Encoding", "Accept-Language"} {
		if lines := h[name]; len(lines) > 0 {
			same[name] = []string{preferences(lines, name == "Accept-Language")}
		}
	}
	return same
}

// preferences writes the members of a field that are accepted, in lower case and in one order: with weights the heaviest first,
// without them by name.
func preferences(lines []string, weighted bool) string {
	type member struct {
		name   string
		weight float64
	}
	var members []member
	for _, line := range lines {
		for text := range strings.SplitSeq(line, ",") {
			name, parameters, _ := strings.Cut(text, ";")
			m := member{strings.ToLower(strings.Trim(name, " \t")), 1}
			if value, ok := strings.CutPrefix(strings.ToLower(strings.Trim(parameters, " \t")), "q="); ok {
				if q, err := strconv.ParseFloat(value, 64); err == nil {
					m.weight = q
				}
			}
			if m.name != "" && (m.weight > 0 || weighted) {
				members = append(members, m)
			}
		}
	}
	slices.SortStableFunc(members, func(a, b member) int {
		if weighted && a.weight != b.weight {
			if a.weight > b.weight {
				return -1
			}
			return 1
		}
		return strings.Compare(a.name, b.name)
	})
	members = slices.Compact(members)
	var out []byte
	for _, m := range members {
		out = append(append(out, m.name...), ';')
		if weighted {
			out = strconv.AppendFloat(out, m.weight, 'g', -1, 64)
		}
		out = append(out, ',')
	}
	return string(out)
}
