// Package migrations holds the SQL of the library's own tables, and that of the demo's, embedded in the binary.
//
// The files are in goose's format, one folder for each database, with a way up and a way down. Whoever keeps the schema
// in their own hands applies [Library] with goose and a version table of its own, so that its numbers do not meet those
// of the application's migrations:
//
//	files, err := migrations.Library(db.Name()) // "postgres" or "sqlite": the dialect's name in GORM
//	provider, err := goose.NewProvider(goose.DialectPostgres, pool, files, goose.WithTableName(migrations.VersionTable))
//	results, err := provider.Up(ctx)
//
// Everybody else lets the plugin create what the configured features need. Both may meet: the library's statements leave
// what is there as it is.
package migrations

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// VersionTable is the name to give goose for the table in which it remembers which of the library's migrations were
// applied.
const VersionTable = "cachewright_migrations"

// The databases there are migrations for.
const dialects = "postgres, sqlite"

//go:embed library
var library embed.FS

//go:embed demo
var demo embed.FS

// Library returns the migrations of the tables that the library needs, for a dialect by its name in GORM: "postgres" or
// "sqlite". It is an error to ask for any other.
func Library(dialect string) (fs.FS, error) { return folder(library, "library", dialect) }

// Demo returns the migrations of the demo application's tables, by the same names.
func Demo(dialect string) (fs.FS, error) { return folder(demo, "demo", dialect) }

func folder(files embed.FS, name, dialect string) (fs.FS, error) {
	if !slices.Contains(strings.Split(dialects, ", "), dialect) {
		return nil, fmt.Errorf("find the %s migrations for %q: there are some for %s", name, dialect, dialects)
	}
	return fs.Sub(files, name+"/"+dialect)
}
