package sqltext

// cursor is a place in the tokens of a text.
type cursor struct {
	d    Dialect
	sql  string
	toks []token // the last one is of kind tokenEnd
	i    int
}

func (c *cursor) peek() token { return c.toks[c.i] }

// ahead returns the token n places on, the last one past the end.
func (c *cursor) ahead(n int) token { return c.toks[min(c.i+n, len(c.toks)-1)] }

// skip takes the current token; the end is never passed.
func (c *cursor) skip() token {
	t := c.toks[c.i]
	if t.kind != tokenEnd {
		c.i++
	}
	return t
}

// word takes the words if they come next.
func (c *cursor) word(words ...string) bool {
	for n, w := range words {
		if t := c.ahead(n); t.kind != tokenWord || t.val != w {
			return false
		}
	}
	c.i += len(words)
	return true
}

// anyWord takes the next token if it is one of the words.
func (c *cursor) anyWord(words ...string) bool {
	for _, w := range words {
		if c.word(w) {
			return true
		}
	}
	return false
}

func (c *cursor) isWord(n int, words ...string) bool {
	t := c.ahead(n)
	if t.kind != tokenWord {
		return false
	}
	for _, w := range words {
		if t.val == w {
			return true
		}
	}
	return false
}

func (c *cursor) isSymbol(n int, s string) bool {
	t := c.ahead(n)
	return t.kind == tokenSymbol && t.val == s
}

func (c *cursor) symbol(s string) bool {
	if c.isSymbol(0, s) {
		c.i++
		return true
	}
	return false
}

// ident returns the name that a token stands for, as the dialect stores it.
func ident(d Dialect, sql string, t token) string {
	if t.kind == tokenWord && d != Postgres {
		return sql[t.pos:t.end]
	}
	return t.val
}
