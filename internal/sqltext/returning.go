package sqltext

// Returning tells whether the text is one INSERT, UPDATE, DELETE, REPLACE or MERGE, common table expressions before it
// or not, that ends in a RETURNING clause of its own, and the byte offset at which that clause starts. The RETURNING of
// a statement in parentheses is none of its own. A text that no dialect understands has none.
func Returning(sql string) (pos int, ok bool) {
	for _, d := range []Dialect{Postgres, SQLite, MySQL} {
		toks, lexed := lex(d, sql)
		if !lexed {
			continue
		}
		if pos, ok = returningIn(toks); ok {
			return pos, true
		}
	}
	return 0, false
}

func returningIn(toks []token) (pos int, ok bool) {
	depth, modifies := 0, false
	for i, t := range toks {
		switch {
		case t.kind == tokenSymbol:
			switch t.val {
			case "(":
				depth++
			case ")":
				depth--
			case ";":
				if toks[i+1].kind != tokenEnd {
					return 0, false
				}
			}
		case t.kind != tokenWord || depth != 0:
		case i > 0 && toks[i-1].kind == tokenSymbol && toks[i-1].val == ".": // a column of that name
		case t.val == "insert" || t.val == "update" || t.val == "delete" || t.val == "merge" || t.val == "replace":
			modifies = modifies || i == 0 || toks[0].kind == tokenWord && toks[0].val == "with"
		case t.val == "returning" && modifies && !ok:
			pos, ok = t.pos, true
		}
	}
	return pos, ok
}
