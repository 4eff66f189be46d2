package migrations_test

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/testkit"
	"github.com/cachewright/cachewright/migrations"
)

func TestScriptsMakeWhatGooseMakes(t *testing.T) {
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, db testkit.Database) {
		t.Parallel()
		byGoose, byScript := db.Raw(t), sameKind(t, db).Raw(t)
		files, err := migrations.Library(db.Name)
		require.NoError(t, err)
		provider := newProvider(t, db.Name, byGoose, files)
		_, err = provider.Up(t.Context())
		require.NoError(t, err)

		_, err = newProvider(t, db.Name, byScript, files).GetDBVersion(t.Context()) // goose's own table, for the comparison
		require.NoError(t, err)
		scripts, err := migrations.LibraryScripts(db.Name)
		require.NoError(t, err)
		require.Len(t, scripts, len(provider.ListSources()))
		for range 2 { // the second time changes nothing
			for _, script := range scripts {
				require.NotEmpty(t, script.Up)
				for _, statement := range script.Up {
					exec(t, byScript, statement)
				}
			}
			require.Equal(t, withoutComments(schema(t, db.Name, byGoose)), withoutComments(schema(t, db.Name, byScript)))
		}
		_, err = provider.Down(t.Context())
		require.NoError(t, err)
	})
}

func TestScriptsAndGooseMayMeet(t *testing.T) {
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, db testkit.Database) {
		t.Parallel()
		pool := db.Raw(t)
		scripts, err := migrations.LibraryScripts(db.Name)
		require.NoError(t, err)
		for _, script := range scripts {
			for _, statement := range script.Up {
				exec(t, pool, statement)
			}
		}
		files, err := migrations.Library(db.Name)
		require.NoError(t, err)
		_, err = newProvider(t, db.Name, pool, files).Up(t.Context())
		require.NoError(t, err)
	})
}

func TestAScriptNamesItsFile(t *testing.T) {
	t.Parallel()
	for _, dialect := range []string{"postgres", "sqlite"} {
		files, err := migrations.Library(dialect)
		require.NoError(t, err)
		scripts, err := migrations.LibraryScripts(dialect)
		require.NoError(t, err)
		for _, script := range scripts {
			_, err := fs.Stat(files, strings.TrimPrefix(script.File, "library/"+dialect+"/"))
			require.NoError(t, err, script.File)
		}
	}
}

// sameKind is another fresh database of the kind.
func sameKind(tb testing.TB, db testkit.Database) testkit.Database {
	tb.Helper()
	if db.Name == "postgres" {
		return testkit.PostgresDatabase(tb)
	}
	return testkit.SQLiteDatabase(tb)
}

// withoutComments takes out of each line of a schema what SQLite keeps of the text but does not mean: comments and
// spaces.
func withoutComments(lines []string) []string {
	clean := make([]string, len(lines))
	for i, line := range lines {
		var kept []string
		for part := range strings.Lines(line) {
			code, _, _ := strings.Cut(part, "--")
			kept = append(kept, strings.Fields(code)...)
		}
		clean[i] = strings.Join(kept, " ")
	}
	return clean
}
