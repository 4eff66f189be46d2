package meter

import (
	"regexp"
	"strings"
)

// target finds the first table a statement names, behind the word that says what is done to it. That is no parser: it is
// right for the statements this application and its cache send.
var target = regexp.MustCompile(`(?i)\b(insert\s+into|update|delete\s+from|from)\s+(?:only\s+)?["` + "`" + `]?([a-z_][a-z0-9_]*)`)

// kindOf tells what a statement does.
func kindOf(query string) Kind {
	found := target.FindStringSubmatch(query)
	if found == nil {
		word, _, _ := strings.Cut(strings.TrimSpace(query), " ")
		return Kind{Verb: strings.ToUpper(strings.TrimSuffix(word, ";"))}
	}
	verb, _, _ := strings.Cut(strings.ToUpper(found[1]), " ")
	if verb == "FROM" {
		verb = "SELECT"
	}
	return Kind{Verb: verb, Table: strings.ToLower(found[2])}
}
