package migrations

import (
	"fmt"
	"io/fs"
	"strings"
)

// Script is the way up of one migration, for those who apply it without goose. Its statements may be run on a database
// that has had them already.
type Script struct {
	// File is the path of the file below this package's folder, for messages that name it.
	File string
	// Up are the statements, in order, each without its semicolon.
	Up []string
}

// LibraryScripts returns the library's migrations for a dialect in the order in which they are applied.
func LibraryScripts(dialect string) ([]Script, error) {
	files, err := Library(dialect)
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(files, "*.sql") // sorted by name, which is by number
	if err != nil {
		return nil, fmt.Errorf("list the library migrations for %s: %w", dialect, err)
	}
	scripts := make([]Script, 0, len(names))
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("read the migration %s: %w", name, err)
		}
		scripts = append(scripts, Script{File: "library/" + dialect + "/" + name, Up: upStatements(string(text))})
	}
	return scripts, nil
}

// upStatements splits the part between the marks for up and down. Our own files end each statement with a semicolon at
// the end of its line, have none elsewhere at the end of a line, and comments only from "--" to the end of the line; a
// test holds them to it. What stands between goose's marks for a statement is one, whatever is in it.
func upStatements(text string) []string {
	var statements []string
	var statement strings.Builder
	inside, whole := false, false
	for line := range strings.Lines(text) {
		switch strings.TrimSpace(line) {
		case "-- +goose Up":
			inside = true
			continue
		case "-- +goose Down":
			return statements
		case "-- +goose StatementBegin":
			whole = inside
			continue
		case "-- +goose StatementEnd":
			if inside {
				statements = append(statements, statement.String())
			}
			statement.Reset()
			whole = false
			continue
		}
		if whole {
			statement.WriteString(line)
			continue
		}
		line, _, _ = strings.Cut(line, "--")
		line = strings.TrimRight(line, " \n")
		if !inside || line == "" {
			continue
		}
		last := strings.HasSuffix(line, ";")
		statement.WriteString(strings.TrimSuffix(line, ";"))
		if !last {
			statement.WriteByte('\n')
			continue
		}
		statements = append(statements, statement.String())
		statement.Reset()
	}
	return statements
}
