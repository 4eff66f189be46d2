package policy_test

import (
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/policy"
)

// row is one line of the table in the package documentation.
type row struct {
	name       string   // ttl
	tags       []string // each value shown: negative=30s, negative=off
	strategies []string
	byDefault  string
}

func TestDocumentedGrammarIsTheOneParsed(t *testing.T) {
	t.Parallel()
	rows := documentedRows(t)

	var fields, names []string
	for f := range reflect.TypeFor[policy.Policy]().Fields() {
		if f.Name != "Strategy" {
			fields = append(fields, strings.ToLower(f.Name))
		}
	}
	for _, r := range rows {
		names = append(names, r.name)
	}
	require.Equal(t, fields, names, "one row for each field of Policy, in its order")

	for _, strategy := range []string{"aside", "writethrough", "writeback", "off"} {
		for _, r := range rows {
			for _, tag := range r.tags {
				whole := strategy + "," + tag
				if r.name == "jitter" && strategy != "off" {
					whole += ",ttl=1h"
				}
				_, err := policy.Parse(whole)
				if slices.Contains(r.strategies, strategy) {
					require.NoError(t, err, whole)
				} else {
					require.Len(t, mistakes(t, err), 1, whole)
				}
			}
		}
	}
}

func TestDocumentedDefaultsAreThoseFilledIn(t *testing.T) {
	t.Parallel()
	for _, r := range documentedRows(t) {
		for _, strategy := range r.strategies {
			bare := mustParse(t, strategy).WithDefaults()
			field := fieldFold(t, bare, r.name)
			switch r.byDefault {
			case "none", "no":
				require.True(t, field.IsZero(), "%s of %s", r.name, strategy)
			case "on":
				require.Equal(t, policy.QueriesOn, bare.Queries)
			case "journal or memory":
				require.Equal(t, policy.AckDefault, bare.Ack)
			default:
				said := mustParse(t, strategy+","+r.name+"="+r.byDefault).WithDefaults()
				require.Equal(t, said, bare, "%s of %s", r.name, strategy)
			}
		}
	}
}

func TestMessagesAllowWhatTheDocumentedGrammarAllows(t *testing.T) {
	t.Parallel()
	rows := documentedRows(t)
	for _, strategy := range []string{"aside", "writethrough", "writeback"} {
		var want, got []string
		for _, r := range rows {
			if slices.Contains(r.strategies, strategy) {
				want = append(want, r.name)
			}
		}
		_, err := policy.Parse(strategy + ",unknown")
		for _, allowed := range mistakes(t, err)[0].Allowed {
			name, _, _ := strings.Cut(allowed, "=")
			got = append(got, name)
		}
		require.Equal(t, want, got)
	}
}

// documentedRows reads the table from the source of the package documentation.
func documentedRows(t testing.TB) []row {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments)
	require.NoError(t, err)
	var rows []row
	for line := range strings.Lines(file.Doc.Text()) {
		cells := strings.Split(line, "| ") // a choice has bars without a space
		if len(cells) != 4 || strings.TrimSpace(cells[0]) == "option" {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		name, values, valued := strings.Cut(cells[0], "=")
		r := row{name: name, tags: []string{name}, strategies: strings.Split(cells[1], ", "), byDefault: cells[2]}
		if valued {
			r.tags = nil
			for v := range strings.SplitSeq(values, "|") {
				r.tags = append(r.tags, name+"="+v)
			}
		}
		require.NotEmpty(t, cells[3], "%s says what it means", name)
		rows = append(rows, r)
	}
	require.NotEmpty(t, rows, "the package documentation has a table")
	return rows
}

// fieldFold is the field of p whose name is the option's but for case.
func fieldFold(t testing.TB, p policy.Policy, option string) reflect.Value {
	t.Helper()
	v := reflect.ValueOf(p).FieldByNameFunc(func(name string) bool { return strings.EqualFold(name, option) })
	require.True(t, v.IsValid(), option)
	return v
}

func mustParse(t testing.TB, tag string) policy.Policy {
	t.Helper()
	p, err := policy.Parse(tag)
	require.NoError(t, err)
	return p
}
