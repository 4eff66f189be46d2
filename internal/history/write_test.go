package history_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// writing is one statement on its way: what it may do, and once it was answered, what it did.
type writing struct {
	c    *client
	plan map[int64]event   // what it does if it happens: all that is known of it without an answer
	seen map[int64][]event // what the answer told of rows that it did not change
}

// writeKind is one way to write. exact says that the answer tells which rows were changed.
type writeKind struct {
	name  string
	exact bool
	write func(w *writing, db *gorm.DB) error
}

// raw reports whether the kind is a text of its own, which GORM gives no transaction: without an answer it keeps the cache
// from the table for a minute.
func (k writeKind) raw() bool {
	return strings.HasPrefix(k.name, "exec") || strings.HasPrefix(k.name, "raw")
}

// counted turns the plan for one row into what the number of rows affected says.
func (w *writing) counted(row, affected int64, done *gorm.DB) error {
	if done.Error != nil {
		return done.Error
	}
	e := w.plan[row]
	switch {
	case affected == 1 && e.met == ifPresent:
		e.met = present
		w.plan[row] = e
	case affected == 1 && e.met == ifAbsent:
		e.met = absent
		w.plan[row] = e
	case affected == 0 && e.met == ifPresent:
		delete(w.plan, row)
		w.seen[row] = append(w.seen[row], event{deed: missed, where: e.where})
	case affected == 0 && e.met == ifAbsent:
		delete(w.plan, row)
		w.seen[row] = append(w.seen[row], event{deed: added, met: present}) // adds nothing to a row that is there
	}
	return nil
}

// returned turns the plan for several rows into what the keys that came back say.
func (w *writing) returned(keys []int64, done *gorm.DB) error {
	if done.Error != nil {
		return done.Error
	}
	for row := range w.plan {
		n := int64(0)
		if slices.Contains(keys, row) {
			n = 1
		}
		if err := w.counted(row, n, done); err != nil {
			return err
		}
	}
	return nil
}

// one is a kind that writes one row and is told whether it did.
func one(name string, e event, write func(db *gorm.DB, row, value int64) *gorm.DB) writeKind {
	return writeKind{name, true, func(w *writing, db *gorm.DB) error {
		row, e := w.c.row(), e
		e.value = w.c.value()
		w.plan[row] = e
		done := write(db, row, e.value)
		return w.counted(row, done.RowsAffected, done)
	}}
}

// upsert is an insert that changes the row in its way.
var upsert = clause.OnConflict{UpdateAll: true}

func item(row, n int64) *Item { return &Item{ID: row, Grp: groupOf(row), N: n} }

var (
	creates = event{deed: set, met: ifAbsent}
	puts    = event{deed: set, met: whatever}
	updates = event{deed: set, met: ifPresent}
	adds    = event{deed: added, met: ifPresent}
	deletes = event{deed: removed, met: ifPresent}
)

var writeKinds = []writeKind{
	{"create", false, func(w *writing, db *gorm.DB) error {
		row, n := w.c.row(), w.c.value()
		w.plan[row] = event{deed: set, met: ifAbsent, value: n}
		done := db.Create(item(row, n))
		if errors.Is(done.Error, gorm.ErrDuplicatedKey) {
			done.Error, done.RowsAffected = nil, 0
		}
		return w.counted(row, done.RowsAffected, done)
	}},
	one("create or nothing", creates, func(db *gorm.DB, row, n int64) *gorm.DB {
		return db.Clauses(clause.OnConflict{DoNothing: true}).Create(item(row, n))
	}),
	one("upsert", puts, func(db *gorm.DB, row, n int64) *gorm.DB { return db.Clauses(upsert).Create(item(row, n)) }),
	one("save", puts, func(db *gorm.DB, row, n int64) *gorm.DB { return db.Save(item(row, n)) }),
	one("update by key", updates, func(db *gorm.DB, row, n int64) *gorm.DB { return db.Model(&Item{ID: row}).Update("n", n) }),
	one("updates by condition on the key", updates, func(db *gorm.DB, row, n int64) *gorm.DB {
		return db.Model(&Item{}).Where("id = ?", row).Updates(map[string]any{"n": n})
	}),
	one("add", adds, func(db *gorm.DB, row, n int64) *gorm.DB {
		return db.Model(&Item{ID: row}).UpdateColumn("n", gorm.Expr("n + ?", n))
	}),
	one("update if even", event{deed: set, met: ifPresent, where: even}, func(db *gorm.DB, row, n int64) *gorm.DB {
		return db.Model(&Item{ID: row}).Where("n % 2 = 0").Update("n", n)
	}),
	one("delete by key", deletes, func(db *gorm.DB, row, _ int64) *gorm.DB { return db.Delete(&Item{}, row) }),
	one("exec update", updates, func(db *gorm.DB, row, n int64) *gorm.DB {
		return db.Exec("UPDATE items SET n = ? WHERE id = ?", n, row)
	}),
	one("exec delete", deletes, func(db *gorm.DB, row, _ int64) *gorm.DB { return db.Exec("DELETE FROM items WHERE id = ?", row) }),
	one("exec upsert", puts, func(db *gorm.DB, row, n int64) *gorm.DB {
		return db.Exec("INSERT INTO items (id, grp, n) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET n = excluded.n", row, groupOf(row), n)
	}),
	{"raw that returns", true, func(w *writing, db *gorm.DB) error {
		g, n := w.c.random.Int64N(2), w.c.value()
		w.planAll(w.c.group(g), event{deed: set, met: ifPresent, value: n})
		var keys []int64
		done := db.Raw("UPDATE items SET n = ? WHERE grp = ? RETURNING id", n, g).Scan(&keys)
		return w.returned(keys, done)
	}},
	{"update of a group that returns", true, func(w *writing, db *gorm.DB) error {
		g, n := w.c.random.Int64N(2), w.c.value()
		w.planAll(w.c.group(g), event{deed: set, met: ifPresent, value: n})
		var items []Item
		done := db.Model(&items).Clauses(clause.Returning{}).Where("grp = ?", g).Update("n", n)
		return w.returned(keysOf(items), done)
	}},
	{"update of all even", false, func(w *writing, db *gorm.DB) error {
		n := w.c.value()
		w.planAll(w.c.keys, event{deed: set, met: ifPresent, where: even, value: n})
		return db.Model(&Item{}).Where("n % 2 = 0").Update("n", n).Error
	}},
	{"add to a group", false, func(w *writing, db *gorm.DB) error {
		g, n := w.c.random.Int64N(2), w.c.value()
		w.planAll(w.c.group(g), event{deed: added, met: ifPresent, value: n})
		return db.Model(&Item{}).Where("grp = ?", g).Update("n", gorm.Expr("n + ?", n)).Error
	}},
	{"delete of all odd", false, func(w *writing, db *gorm.DB) error {
		w.planAll(w.c.keys, event{deed: removed, met: ifPresent, where: odd})
		return db.Where("n % 2 = 1").Delete(&Item{}).Error
	}},
	{"exec update of all", false, func(w *writing, db *gorm.DB) error {
		n := w.c.value()
		w.planAll(w.c.keys, event{deed: set, met: ifPresent, value: n})
		return db.Exec("UPDATE items SET n = ?", n).Error
	}},
	{"update of several keys", false, func(w *writing, db *gorm.DB) error {
		rows, n := w.c.rows(), w.c.value()
		w.planAll(rows, event{deed: set, met: ifPresent, value: n})
		return db.Model(&Item{}).Where("id IN ?", rows).Update("n", n).Error
	}},
	{"batch upsert", true, func(w *writing, db *gorm.DB) error {
		var items []*Item
		for _, row := range w.c.rows() {
			n := w.c.value()
			items = append(items, item(row, n))
			w.plan[row] = event{deed: set, met: whatever, value: n}
		}
		return db.Clauses(upsert).Create(items).Error
	}},
}

// exactKinds are those a transaction is made of.
var exactKinds = slices.DeleteFunc(slices.Clone(writeKinds), func(k writeKind) bool { return !k.exact })

func (w *writing) planAll(rows []int64, e event) {
	for _, row := range rows {
		w.plan[row] = e
	}
}

func keysOf(items []Item) []int64 {
	keys := make([]int64, len(items))
	for i, item := range items {
		keys[i] = item.ID
	}
	return keys
}

func (c *client) writing() *writing {
	return &writing{c: c, plan: map[int64]event{}, seen: map[int64][]event{}}
}

// writeAlone writes by one statement, in GORM's default transaction or in none.
func (c *client) writeAlone(kind writeKind) {
	db := c.DB
	if c.random.IntN(2) == 0 {
		db = db.Session(&gorm.Session{SkipDefaultTransaction: true})
	}
	c.writeOnce(kind, db)
}

// writeCancelled is writeAlone under a context that may end at any moment.
func (c *client) writeCancelled(kind writeKind) {
	if !c.trouble.spend() {
		c.writeAlone(kind)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(c.random.Int64N(int64(2*time.Millisecond))))
	defer cancel()
	kind.name += " under a context that ends"
	c.writeOnce(kind, c.WithContext(ctx))
}

func (c *client) writeOnce(kind writeKind, db *gorm.DB) {
	from := c.now()
	w := c.writing()
	err := kind.write(w, db)
	switch {
	case err == nil:
		c.note(c.id, from, kind.name, w.events())
	case answered(err):
		c.fail(kind.name, err)
	default:
		c.doubt(c.id, from, kind.name, w.perhaps())
	}
}

// events are all that the answer told.
func (w *writing) events() map[int64][]event {
	for row, e := range w.plan {
		w.seen[row] = append(w.seen[row], e)
	}
	return w.seen
}

// perhaps is all there is to say without an answer.
func (w *writing) perhaps() map[int64][]event {
	events := map[int64][]event{}
	for row, e := range w.plan {
		events[row] = []event{e.perhaps()}
	}
	return events
}
