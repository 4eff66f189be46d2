package sqltext_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/cachewright/cachewright/internal/sqltext"
)

func TestTokensEndWhereTheServerEndsThem(t *testing.T) {
	t.Parallel()
	cases := []struct {
		d    sqltext.Dialect
		sql  string
		toks []string // nil if the text is not understood
	}{
		// Comments.
		{pg, "a /* /* b */ c */ d", []string{"a", "d"}},
		{li, "a /* /* b */ c", []string{"a", "c"}},
		{my, "a /* /* b */ c", []string{"a", "c"}},
		{ot, "a /* /* b */ c", nil},
		{pg, "a--b\rc", []string{"a", "c"}},
		{li, "a--b\rc\nd", []string{"a", "d"}},
		{ot, "a -- b\rc", nil},
		{my, "a--b", []string{"a", "-", "-", "b"}},
		{my, "a-- b", []string{"a"}},
		{my, "a #b'\nc", []string{"a", "c"}},
		{pg, "a #b", []string{"a", "#", "b"}},
		{li, "a #b", nil},
		{pg, "a<--b\n c", []string{"a", "<", "c"}},
		{pg, "a*/* b */c", []string{"a", "*", "c"}},
		{pg, "'--' \"/*\" b", []string{"'--'", `"/*"`, "b"}},
		{pg, "/* ' */ a -- '", []string{"a"}},
		{li, "a /*", nil},

		// Strings.
		{pg, `'a''b' c`, []string{`'a''b'`, "c"}},
		{pg, `'a\b' c`, []string{`'a\b'`, "c"}},
		{pg, `'a\\' c`, []string{`'a\\'`, "c"}},
		{pg, `'a\' c`, nil},
		{pg, `'a\' c'`, nil},
		{pg, `E'a\' c' d`, []string{`E'a\' c'`, "d"}},
		{pg, `e'a\\' d`, []string{`e'a\\'`, "d"}},
		{pg, `E'a\'`, nil},
		{pg, `fe'a'`, []string{"fe", "'a'"}},
		{li, `'a\' c`, []string{`'a\'`, "c"}},
		{li, `e'a' c`, []string{"e", `'a'`, "c"}},
		{my, `'a\n' "b" c`, []string{`'a\n'`, `"b"`, "c"}},
		{my, `"a""b" c`, []string{`"a""b"`, "c"}},
		{my, `"a\"`, nil},
		{pg, `U&'a' b`, nil},
		{li, `u&'a'`, []string{"u", "&", "'a'"}},

		// Dollar quotes and placeholders.
		{pg, `$$a'$$ b`, []string{`$$a'$$`, "b"}},
		{pg, `$a$ $b$ $a $a$ c`, []string{`$a$ $b$ $a $a$`, "c"}},
		{pg, `a$b$c`, []string{`a$b$c`}},
		{pg, `$1 $2`, []string{"$1", "$2"}},
		{pg, `$1a`, nil},
		{pg, `$1$2`, nil},
		{pg, `$é$x$é$`, []string{`$é$x$é$`}},
		{li, `$a :b @c ?1 ?`, []string{"$a", ":b", "@c", "?1", "?"}},
		{li, `$a::b`, nil},
		{li, `$a(b)`, nil},
		{my, `$a`, nil},
		{my, `@a @@b.c :=`, []string{"@a", "@@b.c", ":="}},
		{pg, `a::b a:b`, []string{"a", "::", "b", "a", ":", "b"}},

		// Quoted names.
		{pg, `"a""b" c`, []string{`"a""b"`, "c"}},
		{pg, `"a\" b`, []string{`"a\"`, "b"}},
		{pg, `"a".b`, []string{`"a"`, ".", "b"}},
		{li, "`a``b` [c\"d] e", []string{"`a``b`", "[c\"d]", "e"}},
		{pg, "`a`", nil},
		{pg, "a[1]", []string{"a", "[", "1", "]"}},
		{my, "a[1]", nil},
		{ot, "[a]]b]", nil},

		// Numbers and operators.
		{pg, `1 1.5 .5 1. 1e5 1.5E-3 0xff`, []string{"1", "1.5", ".5", "1.", "1e5", "1.5E-3", "0xff"}},
		{pg, `1_000`, nil},
		{pg, `1..2`, nil},
		{pg, `a=-1`, []string{"a", "=", "-", "1"}},
		{pg, `a@-1`, []string{"a", "@-", "1"}},
		{my, `a->>'$.b'`, []string{"a", "->>", `'$.b'`}},
		{my, `{d '2020-01-01'}`, nil},
		{my, `\N`, nil},
		{pg, "a\ufeffb", nil},
		{pg, "a\u2003b", nil},
		{li, "a\vb", nil},
		{pg, "a\vb", []string{"a", "b"}},
	}
	for _, c := range cases {
		toks, ok := sqltext.Lexes(c.d, c.sql)
		assert.Equal(t, c.toks != nil, ok, "%s: %q", c.d, c.sql)
		if c.toks != nil {
			assert.Equal(t, c.toks, toks, "%s: %q", c.d, c.sql)
		}
	}
}
