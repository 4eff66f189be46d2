package sqltext

// PureFunctions returns the names listed as pure for a dialect.
func PureFunctions(d Dialect) []string {
	var names []string
	for name, e := range functions[d] {
		if e == effectPure {
			names = append(names, name)
		}
	}
	return names
}

// HarmlessFunctions returns the names listed as writing nothing though their result may change.
func HarmlessFunctions(d Dialect) []string {
	var names []string
	for name, e := range functions[d] {
		if e == effectStable || e == effectVolatile {
			names = append(names, name)
		}
	}
	return names
}

// Lexes is true if a text was understood as tokens; the tokens' text is returned with it.
func Lexes(d Dialect, sql string) ([]string, bool) {
	toks, ok := lex(d, sql)
	var vals []string
	for _, t := range toks {
		if t.kind != tokenEnd {
			vals = append(vals, sql[t.pos:t.end])
		}
	}
	return vals, ok
}

// PlainOperators returns the binary operators accepted in reads.
func PlainOperators(d Dialect) []string {
	var ops []string
	for op := range operators[d] {
		ops = append(ops, op)
	}
	return ops
}
