package sqltext_test

import (
	"strings"
	"testing"

	"github.com/cachewright/cachewright/internal/sqltext"
)

// FuzzJudge holds the verdicts on any text against each other: nothing panics, what is accepted as a read writes
// nothing and is one statement, and the case of keywords does not matter.
func FuzzJudge(f *testing.F) {
	for _, c := range accepted {
		f.Add(uint8(c.d), c.sql)
	}
	for _, c := range refused {
		f.Add(uint8(c.d), c.sql)
	}
	for _, c := range written {
		f.Add(uint8(c.d), c.sql)
	}
	// Boundaries between text and comment.
	for _, s := range []string{"/*/**/*/", "'\\'--'", "$a$b$a$", "\"\"\"", "[[]]", "a<--b", "E'\\''", "1e+", "``", "((((", "@@", "?|"} {
		for d := range uint8(4) {
			f.Add(d, s)
			f.Add(d, "SELECT "+s+" FROM t")
		}
	}
	f.Fuzz(func(t *testing.T, dialect uint8, text string) {
		d := sqltext.Dialect(dialect % 4)
		read, write := sqltext.JudgeRead(d, text), sqltext.JudgeWrite(d, text)
		if pos, ok := sqltext.Returning(text); ok && !strings.EqualFold(text[pos:pos+len("returning")], "returning") {
			t.Fatalf("no RETURNING at %d", pos)
		}
		sqltext.Folded(text)
		if read.Refusal == "" {
			if !read.TablesKnown || len(read.Tables) == 0 {
				t.Fatal("accepted without its tables")
			}
			if write.Kind != sqltext.Select || write.Statements != 1 || write.EndsTransaction {
				t.Fatalf("accepted as a read, but judged %+v as a write", write)
			}
			if len(write.Tables) > 0 {
				t.Fatalf("accepted as a read, but writes %v", write.Tables)
			}
			for _, more := range []string{"\n; DELETE FROM x", "\nFOR UPDATE", "\n; COMMIT"} {
				if got := sqltext.JudgeRead(d, text+more); got.Refusal == "" {
					t.Fatalf("still accepted with %q", more)
				}
			}
			if got := sqltext.JudgeWrite(d, text+"\n; DELETE FROM x"); !got.Writes() {
				t.Fatal("the DELETE behind it is not seen")
			}
		}
		if !strings.ContainsAny(text, "'\"`[$\\@:") {
			upper, lower := sqltext.JudgeRead(d, upperASCII(text)), sqltext.JudgeRead(d, lowerASCII(text))
			if upper.Refusal != lower.Refusal || upper.TablesKnown != lower.TablesKnown {
				t.Fatalf("upper case is %q, lower case is %q", upper.Refusal, lower.Refusal)
			}
			a, b := sqltext.JudgeWrite(d, upperASCII(text)), sqltext.JudgeWrite(d, lowerASCII(text))
			if a.All != b.All || a.Kind != b.Kind || a.EndsTransaction != b.EndsTransaction {
				t.Fatalf("upper case is %+v, lower case is %+v", a, b)
			}
		}
	})
}

func upperASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}, s)
}

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r - 'A' + 'a'
		}
		return r
	}, s)
}
