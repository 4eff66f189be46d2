package cacheplugin

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/cachewright/cachewright/internal/sqltext"
	core "github.com/cachewright/cachewright/internal/writeback"
)

// errMoved says that a row came while a batch was on its way to it. The batch is rolled back and comes again.
var errMoved = errors.New("a row was written by somebody else between two statements of a flush")

// group is what one statement can write: rows on which the same is to be done to the same columns.
type group struct {
	target *target
	kind   core.Kind
	sets   []int // places of the columns assigned, ascending
	adds   []int // places of the columns added to, ascending
	writes []core.Write
}

// sendAll writes a batch, which names each row once: rows of the same shape share statements, in the order in which the
// shapes come.
func (t *target) sendAll(ctx context.Context, tx *sql.Tx, writes []core.Write) error {
	for _, g := range t.groups(writes) {
		if err := g.send(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

// groups sorts a batch by shape. A row that needs a statement of its own is a group of one.
func (t *target) groups(writes []core.Write) []*group {
	var groups []*group
	byShape := map[string]*group{}
	shape := make([]byte, len(t.columns)+1)
	for i := range writes {
		w := &writes[i]
		if !t.shares(w) {
			groups = append(groups, &group{target: t, kind: w.Kind, writes: writes[i : i+1]})
			continue
		}
		clear(shape)
		shape[len(t.columns)] = byte(w.Kind)
		for _, a := range w.Set {
			shape[a.Column] = 's'
		}
		for _, d := range w.Add {
			shape[d.Column] = 'a'
		}
		g := byShape[string(shape)]
		if g == nil {
			g = &group{target: t, kind: w.Kind}
			for at, what := range shape[:len(t.columns)] {
				switch what {
				case 's':
					g.sets = append(g.sets, at)
				case 'a':
					g.adds = append(g.adds, at)
				}
			}
			byShape[string(shape)] = g
			groups = append(groups, g)
		}
		g.writes = append(g.writes, *w)
	}
	return groups
}

// shares reports whether the row can be written together with others: all its values can stand in a list.
func (t *target) shares(w *core.Write) bool {
	if t.plugin.dialect != sqltext.Postgres {
		return true
	}
	keyOnly := w.Kind == core.KindUpdate || w.Kind == core.KindDelete
	for at, v := range w.Values {
		if keyOnly && !t.isKey(at) || t.columns[at].generated {
			continue
		}
		if v != nil && !t.columns[at].listable(v) {
			return false
		}
	}
	for _, a := range w.Set {
		if a.Value != nil && !t.columns[a.Column].listable(a.Value) {
			return false
		}
	}
	return true
}

// send writes the group's rows, all or with an error.
func (g *group) send(ctx context.Context, tx *sql.Tx) error {
	if len(g.writes) == 1 {
		return g.target.send(ctx, tx, &g.writes[0])
	}
	per := len(g.writes)
	if g.target.plugin.dialect != sqltext.Postgres {
		per = max(1, maxParameters/(len(g.target.columns)+len(g.target.keyAt)))
	}
	for rest := g.writes; len(rest) > 0; {
		n := min(per, len(rest))
		if err := g.sendPart(ctx, tx, rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// sendPart writes rows by as few statements as their kind takes.
func (g *group) sendPart(ctx context.Context, tx *sql.Tx, writes []core.Write) error {
	switch g.kind {
	case core.KindInsert:
		_, err := g.insert(ctx, tx, writes, false)
		return err
	case core.KindDelete:
		return g.remove(ctx, tx, writes)
	case core.KindReplace:
		if err := g.remove(ctx, tx, writes); err != nil {
			return err
		}
		_, err := g.insert(ctx, tx, writes, false)
		return err
	case core.KindUpdate:
		if len(g.sets)+len(g.adds) == 0 {
			return nil
		}
		n, err := g.update(ctx, tx, writes)
		if err == nil && n < int64(len(writes)) {
			err = errNoRow
		}
		return err
	case core.KindUpsert:
		return g.upsert(ctx, tx, writes)
	default:
		return fmt.Errorf("writing rows: no statement for kind %s", g.kind)
	}
}

// upsert updates the rows that are there, then inserts those that are not. The rows of the first statement are locked, so
// the second finds one missing only where somebody else has made it in between.
func (g *group) upsert(ctx context.Context, tx *sql.Tx, writes []core.Write) error {
	if len(g.sets)+len(g.adds) == 0 {
		_, err := g.insert(ctx, tx, writes, true)
		return err
	}
	met, err := g.update(ctx, tx, writes)
	if err != nil || met == int64(len(writes)) {
		return err
	}
	made, err := g.insert(ctx, tx, writes, true)
	if err == nil && met+made != int64(len(writes)) {
		err = errMoved
	}
	return err
}

// update sets and adds, and tells how many rows it met.
func (g *group) update(ctx context.Context, tx *sql.Tx, writes []core.Write) (int64, error) {
	t, list := g.target, g.target.list()
	keys := g.addKeys(list, writes)
	set := make([]string, 0, len(g.sets)+len(g.adds))
	for _, at := range g.sets {
		given := list.add(t.columns[at].typ, each(writes, func(w *core.Write) any { return assigned(w, at) }))
		set = append(set, t.quoted[at]+" = "+given)
	}
	for _, at := range g.adds {
		given := list.add("bigint", each(writes, func(w *core.Write) any { return added(w, at) }))
		set = append(set, t.quoted[at]+" = "+t.name+"."+t.quoted[at]+" + "+given)
	}
	same := make([]string, len(keys))
	for i, at := range t.keyAt {
		same[i] = t.name + "." + t.quoted[at] + " = " + keys[i]
	}
	from, args := list.from()
	text := "UPDATE " + t.name + " SET " + strings.Join(set, ", ") + " FROM " + from + " WHERE " + strings.Join(same, " AND ")
	return execRows(ctx, tx, text, args)
}

// insert makes rows, and tells how many. A key that exists is an error, unless it is to be left as it is.
func (g *group) insert(ctx context.Context, tx *sql.Tx, writes []core.Write, leave bool) (int64, error) {
	t, list := g.target, g.target.list()
	places := t.inserted()
	given := make([]string, len(places))
	for i, at := range places {
		given[i] = list.add(t.columns[at].typ, each(writes, func(w *core.Write) any { return w.Values[at] }))
	}
	from, args := list.from()
	text := t.into(places) + " SELECT " + strings.Join(given, ", ") + " FROM " + from
	if leave {
		text += " WHERE true" + t.conflictKeys() + "NOTHING" // without WHERE, SQLite takes ON for that of a join
	}
	return execRows(ctx, tx, text, args)
}

func (g *group) remove(ctx context.Context, tx *sql.Tx, writes []core.Write) error {
	t, list := g.target, g.target.list()
	keys := g.addKeys(list, writes)
	from, args := list.from()
	_, err := execRows(ctx, tx,
		"DELETE FROM "+t.name+" WHERE ("+t.keyNames()+") IN (SELECT "+strings.Join(keys, ", ")+" FROM "+from+")", args)
	return err
}

// addKeys adds the key columns to the list.
func (g *group) addKeys(list source, writes []core.Write) []string {
	names := make([]string, len(g.target.keyAt))
	for i, at := range g.target.keyAt {
		names[i] = list.add(g.target.columns[at].typ, each(writes, func(w *core.Write) any { return w.Values[at] }))
	}
	return names
}

func each(writes []core.Write, of func(*core.Write) any) []any {
	values := make([]any, len(writes))
	for i := range writes {
		values[i] = of(&writes[i])
	}
	return values
}

func assigned(w *core.Write, at int) any {
	for i := range w.Set {
		if w.Set[i].Column == at {
			return w.Set[i].Value
		}
	}
	return nil
}

func added(w *core.Write, at int) any {
	for i := range w.Add {
		if w.Add[i].Column == at {
			return w.Add[i].N
		}
	}
	return nil
}

func execRows(ctx context.Context, tx *sql.Tx, text string, args []any) (int64, error) {
	result, err := tx.ExecContext(ctx, text, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
