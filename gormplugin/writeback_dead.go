package cacheplugin

import (
	"context"
	"fmt"

	"github.com/cachewright/cachewright/coherence"
	core "github.com/cachewright/cachewright/internal/writeback"
)

// FlushError is a dead letter: a change that the database refused for good, with what was pending behind it. It is in the
// table cachewright_dead_letters as well.
type FlushError struct {
	// Table is the table's name as GORM has it, Key the row's primary key by column.
	Table string
	Key   map[string]any
	// Changes are the one that was refused and those accepted after it, in order.
	Changes []RefusedChange
	// Err is what the database said.
	Err error
}

// RefusedChange is a change of a dead letter, its columns by name.
type RefusedChange struct {
	// Kind is insert, update, delete, replace (a delete, then an insert) or upsert.
	Kind string `json:"kind"`
	// Values is the row as readers saw it after the change; of a delete, as it was.
	Values map[string]any `json:"values,omitempty"`
	// Set and Add are what an update or upsert was to do: new values, and what was to be added to integers.
	Set map[string]any   `json:"set,omitempty"`
	Add map[string]int64 `json:"add,omitempty"`
}

// Error names the table and the cause. The key is left out: it may be personal.
func (e *FlushError) Error() string {
	return fmt.Sprintf("cacheplugin: the database refused a change of %s for good: %v", e.Table, e.Err)
}

// Unwrap is what the database said.
func (e *FlushError) Unwrap() error { return e.Err }

// public is a dead letter as the application gets it.
func (w *writeback) public(dead *core.FlushError) FlushError {
	t := w.tableOf(dead.Table)
	return FlushError{
		Table: t.model.schema.Table, Key: t.describeKey(&dead.Changes[0]), Changes: t.describe(dead.Changes), Err: dead.Err,
	}
}

// Dead records a change that was refused for good, and takes its row out of the dirty table in an announced write.
func (s *sink) Dead(ctx context.Context, dead *core.FlushError, leave func()) error {
	letter := s.writeback.public(dead)
	insert, err := letter.insert(s.writeback.plugin)
	if err != nil {
		return err
	}
	f := flush{
		plugin: s.writeback.plugin, mark: s.writeback.markOf(dead.Journaled), number: dead.Number, work: insert,
		tags: func() []coherence.Tag {
			return []coherence.Tag{s.writeback.tableOf(dead.Table).tagOf(&dead.Changes[0])}
		},
		then: leave,
	}
	if err := f.run(ctx); err != nil {
		return fmt.Errorf("recording a dead letter: %w", err)
	}
	return nil
}

func (t *target) describe(writes []core.Write) []RefusedChange {
	all := make([]RefusedChange, 0, len(writes))
	for i := range writes {
		w := &writes[i]
		d := RefusedChange{Kind: w.Kind.String(), Values: map[string]any{}, Set: map[string]any{}, Add: map[string]int64{}}
		for at, v := range w.Values {
			if _, unset := v.(core.Unset); !unset {
				d.Values[t.columns[at].name] = v
			}
		}
		for _, a := range w.Set {
			d.Set[t.columns[a.Column].name] = a.Value
		}
		for _, a := range w.Add {
			d.Add[t.columns[a.Column].name] = a.N
		}
		all = append(all, d)
	}
	return all
}

func (t *target) describeKey(w *core.Write) map[string]any {
	key := map[string]any{}
	for _, at := range t.keyAt {
		key[t.columns[at].name] = w.Values[at]
	}
	return key
}
