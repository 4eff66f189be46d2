package cachewright_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/cachewright/cachewright"

// place is where a package stands: on a floor, for a purpose.
type place struct {
	floor   int
	purpose string
}

// floors says where each package of this module stands. A package imports only lower floors, so those of one floor do
// not know each other. A new package needs a line here, and with it an answer to the question what it may know.
// demoapp and bench are modules of their own, above all of this.
var floors = map[string]place{
	"":                         {0, "says where to start reading; no code"},
	"policy":                   {0, "what a model asks for: tags and policies"},
	"store":                    {0, "the seam between the cache and where entries live"},
	"migrations":               {0, "SQL of our own tables"},
	"internal/keyenc":          {0, "keys and tags as bytes"},
	"internal/rowset":          {0, "rows as bytes"},
	"internal/journal":         {0, "frames on disk that survive a crash"},
	"internal/rfc9111":         {0, "the rules of HTTP caching, without a server"},
	"internal/sqltext":         {0, "reads SQL text: which tables, which transaction words"},
	"internal/switches":        {0, "rules that a test turns off"},
	testkit:                    {0, "databases for tests; test code only"},
	testkit + "/cmd/pgserve":   {1, "runs a command with a database server; for the Makefile"},
	"store/bigcachestore":      {1, "entries in this process"},
	"store/redisstore":         {1, "entries shared between processes"},
	"store/storetest":          {1, "what every store must do"},
	"internal/writeback":       {1, "pending changes and their flush"},
	"coherence":                {2, "the engine: stamps, effects, dependency sets"},
	"gormplugin":               {3, "the door to the database"},
	"middleware":               {3, "the door to pages"},
	"backplane/pgbackplane":    {3, "news between processes by PostgreSQL"},
	"backplane/redisbackplane": {3, "news between processes by Redis"},
	"backplane/backplanetest":  {3, "what every backplane must do"},
	"internal/history":         {4, "what clients of both doors saw, checked for an order; tests only"},
	"internal/pages":           {4, "pages made from a database, behind both doors; tests only"},
}

const testkit = "internal/testkit"

// bans are imports that no floor forbids, with the reason. They hold for code that is no test.
var bans = []struct {
	imports []string // the path itself, and all below it
	in      func(pkg string) bool
	reason  string
}{
	{
		imports: []string{
			"gorm.io/driver", "github.com/glebarez", "modernc.org", "github.com/go-sql-driver",
			"github.com/mattn", "github.com/lib/pq", "github.com/microsoft/go-mssqldb", "github.com/ncruces/go-sqlite3",
		},
		in:     func(pkg string) bool { return !under(pkg, testkit) },
		reason: "the user chooses the database driver",
	},
	{
		imports: []string{"github.com/jackc"},
		// LISTEN needs a connection that hands out notifications, which database/sql has no word for.
		in:     func(pkg string) bool { return !under(pkg, testkit) && pkg != "backplane/pgbackplane" },
		reason: "the user chooses the database driver",
	},
	{
		imports: []string{"gorm.io"},
		in:      func(pkg string) bool { return under(pkg, "middleware") },
		reason:  "the doors do not know each other",
	},
	{
		imports: []string{"net/http"},
		in:      func(pkg string) bool { return under(pkg, "gormplugin") },
		reason:  "the doors do not know each other",
	},
	{
		imports: []string{module + "/" + testkit},
		in:      func(pkg string) bool { return !under(pkg, testkit) },
		reason:  "testkit is for test code",
	},
}

func TestPackagesImportOnlyLowerFloors(t *testing.T) {
	t.Parallel()
	graph := importsBelow(t, ".")
	require.Contains(t, graph, "", "the walk found the root")
	require.Empty(t, violations(graph))
}

func TestAViolationIsSeen(t *testing.T) {
	t.Parallel()
	own := func(pkg string) string { return module + "/" + pkg }
	for name, c := range map[string]struct {
		pkg, imported string
		want          string
	}{
		"a package without a place":                  {"internal/helper", "fmt", "has no place"},
		"an import of a package without a place":     {"coherence", own("internal/helper"), "has no place"},
		"an import of a higher floor":                {"policy", own("coherence"), "only lower floors"},
		"an import of the same floor":                {"middleware", own("gormplugin"), "only lower floors"},
		"an import of the same floor, at the bottom": {"internal/rowset", own("internal/keyenc"), "only lower floors"},
		"a driver in the plugin":                     {"gormplugin", "github.com/jackc/pgx/v5/pgconn", "chooses the database driver"},
		"a driver in a backplane":                    {"backplane/pgbackplane", "gorm.io/driver/postgres", "chooses the database driver"},
		"GORM in the middleware":                     {"middleware", "gorm.io/gorm/clause", "the doors do not know each other"},
		"HTTP in the plugin":                         {"gormplugin", "net/http/httptest", "the doors do not know each other"},
		"the testkit outside tests":                  {"store/storetest", own(testkit), "for test code"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := violations(map[string][]string{c.pkg: {c.imported}})
			require.Len(t, found, 1)
			require.Contains(t, found[0], c.want)
		})
	}
	require.Empty(t, violations(map[string][]string{
		"backplane/pgbackplane":   {own("coherence"), "github.com/jackc/pgx/v5"},
		"gormplugin":              {own("coherence"), own("internal/writeback"), "gorm.io/gorm", "database/sql", "net/url"},
		"middleware":              {own("coherence"), own("internal/rfc9111"), "net/http", "github.com/go-chi/chi/v5"},
		testkit:                   {"github.com/jackc/pgx/v5", "gorm.io/driver/postgres"},
		testkit + "/cmd/pgserve":  {own(testkit)},
		"store/bigcachestore":     {own("store"), "github.com/allegro/bigcache/v3"},
		"backplane/backplanetest": {own("coherence"), "testing"},
	}))
}

func TestTheWalkSeesThisModuleWithoutItsTests(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for file, text := range map[string]string{
		"policy/policy.go":        "package policy\nimport \"fmt\"",
		"policy/other_windows.go": "package policy\nimport \"os\"",
		"policy/policy_test.go":   "package policy\nimport \"net/http\"",
		"policy/testdata/x.go":    "package x",
		"demoapp/go.mod":          "module demoapp",
		"demoapp/main.go":         "package main",
		"store/alone.go":          "package store",
	} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(file)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644))
	}
	require.Equal(t, map[string][]string{"policy": {"os", "fmt"}, "store": nil}, importsBelow(t, dir))
}

// violations returns a sentence for each import that breaks a rule, sorted. The graph maps a package, named relative to
// the module, to what its code without tests imports.
func violations(graph map[string][]string) []string {
	var found []string
	for pkg, imports := range graph {
		own, known := floors[pkg]
		if !known {
			found = append(found, fmt.Sprintf("%q has no place in the table of floors", pkg))
			continue
		}
		for _, imported := range imports {
			if reason := refusal(pkg, own, imported); reason != "" {
				found = append(found, fmt.Sprintf("%q imports %q: %s", pkg, imported, reason))
			}
		}
	}
	slices.Sort(found)
	return found
}

// refusal returns why a package may not import another; empty when it may.
func refusal(pkg string, own place, imported string) string {
	for _, ban := range bans {
		if ban.in(pkg) && slices.ContainsFunc(ban.imports, func(root string) bool { return under(imported, root) }) {
			return ban.reason
		}
	}
	if !under(imported, module) {
		return ""
	}
	other, known := floors[strings.TrimPrefix(strings.TrimPrefix(imported, module), "/")]
	switch {
	case !known:
		return "that has no place in the table of floors"
	case other.floor >= own.floor:
		return fmt.Sprintf("floor %d imports only lower floors, and that is %d (%s)", own.floor, other.floor, other.purpose)
	default:
		return ""
	}
}

// under reports whether a path is the root or below it.
func under(p, root string) bool { return p == root || strings.HasPrefix(p, root+"/") }

// importsBelow reads the imports of every package of the module in dir, whatever its build tags; other modules below it
// are left out, and so are test files.
func importsBelow(tb testing.TB, dir string) map[string][]string {
	tb.Helper()
	graph := make(map[string][]string)
	require.NoError(tb, filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && file != dir:
			return skipFolder(file, entry.Name())
		case entry.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go"):
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		below, err := filepath.Rel(dir, filepath.Dir(file))
		if err != nil {
			return err
		}
		pkg := strings.TrimPrefix(filepath.ToSlash(below), ".")
		imports := graph[pkg]
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			imports = append(imports, imported)
		}
		graph[pkg] = imports // a package that imports nothing is there, too
		return nil
	}))
	return graph
}

// skipFolder returns fs.SkipDir for what the go command does not see as part of this module.
func skipFolder(folder, name string) error {
	if name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
		return fs.SkipDir
	}
	if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}
