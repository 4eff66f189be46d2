package cacheplugin

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/sqltext"
	core "github.com/cachewright/cachewright/internal/writeback"
)

// sink writes batches of the dirty tables to the database.
type sink struct{ writeback *writeback }

var _ core.Sink = (*sink)(nil)

// Write writes a batch in one transaction, announced before COMMIT and published after it.
func (s *sink) Write(ctx context.Context, b core.Batch) error {
	t := s.writeback.tableOf(b.Table)
	if t == nil {
		return fmt.Errorf("writing a batch: there is no table %s", b.Table)
	}
	f := flush{
		plugin: s.writeback.plugin, mark: s.writeback.markOf(b.Journaled), number: b.Number,
		work: func(ctx context.Context, tx *sql.Tx) error { return t.sendAll(ctx, tx, b.Writes) },
		tags: func() []coherence.Tag { return t.tagsOf(b.Writes) },
	}
	return f.run(ctx)
}

// tableOf finds a dirty table by the name the buffer has for it.
func (w *writeback) tableOf(name string) *dirtyTable {
	name, _, _ = strings.Cut(name, "#")
	return w.list()[sqltext.Folded(name)]
}

// tagsOf are the tags of the rows of a batch.
func (t *dirtyTable) tagsOf(writes []core.Write) []coherence.Tag {
	tags := make([]coherence.Tag, 0, len(writes))
	for i := range writes {
		tags = append(tags, t.tagOf(&writes[i]))
	}
	return tags
}

func (t *dirtyTable) tagOf(w *core.Write) coherence.Tag {
	parts := make([]string, len(t.keyAt))
	for i, at := range t.keyAt {
		var ok bool
		if parts[i], ok = canonicalKey(t.classes[i], w.Values[at]); !ok {
			return t.model.table
		}
	}
	return t.tag(parts)
}

// classify marks what trying again cannot mend: data, integrity and most statement errors of PostgreSQL, constraints and
// types of SQLite. That a table or a column is missing, or a privilege, is no fault of the row: it is tried again.
func classify(err error) error {
	var state interface{ SQLState() string }
	if errors.As(err, &state) && len(state.SQLState()) == 5 {
		switch code := state.SQLState(); code[:2] {
		case "22", "23", "44", "P0":
			return core.Poison(err)
		case "42":
			if code != "42501" && code != "42P01" && code != "42703" {
				return core.Poison(err)
			}
		}
		return err
	}
	var code interface{ Code() int }
	if errors.As(err, &code) {
		const primary = 0xff
		switch code.Code() & primary {
		case 18, 19, 20: // too big, constraint, mismatch
			return core.Poison(err)
		case 1: // an error in the statement
			if !strings.Contains(err.Error(), "no such") && !strings.Contains(err.Error(), "has no column") {
				return core.Poison(err)
			}
		}
		return err
	}
	if errors.Is(err, errNoRow) {
		return core.Poison(err)
	}
	return err
}
