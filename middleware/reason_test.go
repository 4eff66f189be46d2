package middleware_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/middleware"
)

func TestEveryReasonIsInTheDocumentedTable(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments)
	require.NoError(t, err)
	_, table, found := strings.Cut(file.Doc.Text(), "# Why was this not cached?")
	require.True(t, found)
	var documented []middleware.Reason
	for line := range strings.SplitSeq(table, "\n") {
		if row, ok := strings.CutPrefix(line, "\t"); ok {
			name, meaning, _ := strings.Cut(row, " ")
			require.NotEmpty(t, strings.TrimSpace(meaning), "the reason %s is explained", name)
			documented = append(documented, middleware.Reason(name))
		}
	}
	require.Equal(t, middleware.Reasons(), documented)
}

func TestTheTableOfReasonsInTheDocsIsThatOfThePackage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/pages.md")
	require.NoError(t, err)
	_, table, found := strings.Cut(string(text), "| reason | means |\n|---|---|\n")
	require.True(t, found)
	var documented []middleware.Reason
	for row := range strings.Lines(table) {
		name, _, _ := strings.Cut(strings.TrimPrefix(row, "| `"), "`")
		documented = append(documented, middleware.Reason(name))
	}
	require.Equal(t, middleware.Reasons(), documented)
}

func TestNoReasonIsMissingFromTheList(t *testing.T) {
	t.Parallel()
	for _, source := range []string{"../coherence/reason.go", "../internal/rfc9111/storable.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), source, nil, 0)
		require.NoError(t, err)
		found := 0
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Names) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Reason") {
				return true
			}
			literal, ok := spec.Values[0].(*ast.BasicLit)
			require.True(t, ok)
			text, err := strconv.Unquote(literal.Value)
			require.NoError(t, err)
			require.Contains(t, middleware.Reasons(), middleware.Reason(text), "%s of %s", spec.Names[0].Name, source)
			found++
			return true
		})
		require.NotZero(t, found)
	}
	all := slices.Clone(middleware.Reasons())
	slices.Sort(all)
	require.Len(t, slices.Compact(all), len(middleware.Reasons()), "no reason twice")
}
