package cacheplugin_test

import (
	"database/sql"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// found is a trial that reads into a value of the type.
func found[T any](name string, read func(w *witness, dest *T) *gorm.DB) trial {
	return trial{name: name, do: func(w *witness) {
		var dest T
		w.ran(read(w, &dest), &dest)
	}}
}

// reused is found with a destination that holds something already.
func reused[T any](name string, dest func() T, read func(w *witness, dest *T) *gorm.DB) trial {
	return trial{name: name, do: func(w *witness) {
		d := dest()
		w.ran(read(w, &d), &d)
		w.ran(read(w, &d), &d)
	}}
}

// readTrials name rows by their keys and by other conditions.
func readTrials() []trial {
	return append(keyTrials(), conditionTrials()...)
}

func keyTrials() []trial {
	return []trial{
		found("First by number", func(w *witness, s *Sailor) *gorm.DB { return w.First(s, 1) }),
		found("First by text", func(w *witness, s *Sailor) *gorm.DB { return w.First(s, "2") }),
		found("First by text with a leading zero", func(w *witness, s *Sailor) *gorm.DB { return w.First(s, "02") }),
		found("First by text that is no number", func(w *witness, s *Sailor) *gorm.DB { return w.First(s, "id = 2") }),
		found("First of none", func(w *witness, s *Sailor) *gorm.DB { return w.First(s, 99) }),
		found("First of a deleted row", func(w *witness, s *Sailor) *gorm.DB { return w.First(s, 5) }),
		found("First of a deleted row, unscoped", func(w *witness, s *Sailor) *gorm.DB { return w.Unscoped().First(s, 5) }),
		found("First by negative key", func(w *witness, s *Sailor) *gorm.DB { return w.First(s, -1) }),
		found("First by uint8", func(w *witness, s *Sailor) *gorm.DB { return w.First(s, uint8(3)) }),
		found("First by huge key", func(w *witness, s *Sailor) *gorm.DB { return w.First(s, uint64(1<<63)) }),
		found("First by float", func(w *witness, s *Sailor) *gorm.DB { return w.First(s, 1.0) }),
		found("First by bool", func(w *witness, s *Sailor) *gorm.DB { return w.First(s, true) }),
		found("First by a pointer", func(w *witness, s *Sailor) *gorm.DB { return w.First(s, ptr(1)) }),
		found("First by a nil pointer", func(w *witness, s *Sailor) *gorm.DB { return w.First(s, (*int)(nil)) }),
		found("First by NullInt64", func(w *witness, s *Sailor) *gorm.DB {
			return w.First(s, sql.NullInt64{Int64: 1, Valid: true})
		}),
		found("First by NULL", func(w *witness, s *Sailor) *gorm.DB { return w.First(s, sql.NullInt64{}) }),
		found("First by zero", func(w *witness, s *Sailor) *gorm.DB { return w.First(s, 0) }),
		found("First by an empty slice", func(w *witness, s *Sailor) *gorm.DB { return w.First(s, []int{}) }),
		found("First by several keys", func(w *witness, s *Sailor) *gorm.DB { return w.First(s, []int{3, 2}) }),
		found("Last", func(w *witness, s *Sailor) *gorm.DB { return w.Last(s, 2) }),
		found("Take", func(w *witness, s *Sailor) *gorm.DB { return w.Take(s, 2) }),
		found("Find one", func(w *witness, s *Sailor) *gorm.DB { return w.Find(s, 2) }),
		found("Find no one", func(w *witness, s *Sailor) *gorm.DB { return w.Find(s, 77) }),
		found("Find list by key", func(w *witness, s *[]Sailor) *gorm.DB { return w.Find(s, 2) }),
		found("Find list by no key", func(w *witness, s *[]Sailor) *gorm.DB { return w.Find(s, 78) }),
		found("Find pointers by key", func(w *witness, s *[]*Sailor) *gorm.DB { return w.Find(s, 2) }),
		found("Find list by keys", func(w *witness, s *[]Sailor) *gorm.DB { return w.Order("id").Find(s, []int{1, 3, 5, 9}) }),
		found("Find list by keys twice named", func(w *witness, s *[]Sailor) *gorm.DB { return w.Find(s, []int{1, 1}) }),
		found("First list", func(w *witness, s *[]Sailor) *gorm.DB { return w.First(s, 2) }),
		found("First list of none", func(w *witness, s *[]Sailor) *gorm.DB { return w.First(s, 88) }),
		found("Take list of none", func(w *witness, s *[]*Ship) *gorm.DB { return w.Take(s, 88) }),
		found("Where text", func(w *witness, s *Sailor) *gorm.DB { return w.Where("id = ?", 1).First(s) }),
		found("Where text with table", func(w *witness, s *Sailor) *gorm.DB { return w.Where("sailors.id = ?", 1).First(s) }),
		found("Where text with quotes", func(w *witness, s *Sailor) *gorm.DB { return w.Where(`"sailors"."id" = ?`, 1).Take(s) }),
		found("Where text, given text", func(w *witness, s *Sailor) *gorm.DB { return w.Where("id = ?", "1").Take(s) }),
		found("Where text IN", func(w *witness, s *[]Sailor) *gorm.DB { return w.Where("id IN ?", []int{1}).Find(s) }),
		found("Where column", func(w *witness, s *Sailor) *gorm.DB { return w.Where("id", 1).First(s) }),
		found("Where map", func(w *witness, s *Sailor) *gorm.DB { return w.Where(map[string]any{"id": 1}).First(s) }),
		found("Where struct", func(w *witness, s *Sailor) *gorm.DB { return w.Where(&Sailor{Model: gorm.Model{ID: 1}}).First(s) }),
		found("Where empty struct", func(w *witness, s *Sailor) *gorm.DB { return w.Where(&Sailor{}).First(s) }),
		found("Where struct with a named zero", func(w *witness, s *Sailor) *gorm.DB {
			return w.Where(&Sailor{Model: gorm.Model{ID: 2}}, "id", "wage").First(s)
		}),
		found("Where Eq", func(w *witness, s *Sailor) *gorm.DB {
			return w.Where(clause.Eq{Column: clause.PrimaryColumn, Value: 1}).First(s)
		}),
		found("Where key and more", func(w *witness, s *Sailor) *gorm.DB { return w.Where("name = ?", "Ann").First(s, 2) }),
		found("Where two keys that differ", func(w *witness, s *Sailor) *gorm.DB { return w.Where("id = ?", 1).First(s, 2) }),
		found("Where one key twice", func(w *witness, s *Sailor) *gorm.DB { return w.Where("id = ?", 2).First(s, 2) }),
		found("Where key or key", func(w *witness, s *[]Sailor) *gorm.DB {
			return w.Where("id = ?", 1).Or("id = ?", 2).Order("id").Find(s)
		}),
		found("Where not key", func(w *witness, s *[]Sailor) *gorm.DB { return w.Not("id = ?", 1).Order("id").Find(s) }),
		found("Not keys", func(w *witness, s *[]Sailor) *gorm.DB { return w.Not([]int64{1, 2}).Order("id").Find(s) }),
		found("key with limit 0", func(w *witness, s *[]Sailor) *gorm.DB { return w.Limit(0).Find(s, 1) }),
		found("key with limit -1", func(w *witness, s *[]Sailor) *gorm.DB { return w.Limit(-1).Find(s, 1) }),
		found("key with limit 5", func(w *witness, s *[]Sailor) *gorm.DB { return w.Limit(5).Find(s, 1) }),
		found("key with offset", func(w *witness, s *[]Sailor) *gorm.DB { return w.Limit(1).Offset(1).Find(s, 1) }),
		found("key with order", func(w *witness, s *Sailor) *gorm.DB { return w.Order("name desc").First(s, 1) }),
		reused("destination with its key", func() Sailor { return Sailor{Model: gorm.Model{ID: 3}} },
			func(w *witness, s *Sailor) *gorm.DB { return w.First(s) }),
		reused("destination with another key", func() Sailor { return Sailor{Model: gorm.Model{ID: 3}} },
			func(w *witness, s *Sailor) *gorm.DB { return w.First(s, 1) }),
		reused("destination full of something", fullSailor, func(w *witness, s *Sailor) *gorm.DB { s.ID = 0; return w.First(s, 2) }),
		reused("destination full, none found", fullSailor, func(w *witness, s *Sailor) *gorm.DB { s.ID = 0; return w.First(s, 99) }),
		reused("destination full, in a list", func() []Sailor { return []Sailor{fullSailor(), fullSailor(), fullSailor()} },
			func(w *witness, s *[]Sailor) *gorm.DB { return w.Find(s, 2) }),
		reused("list full, none found", func() []Sailor { return []Sailor{fullSailor()} }, func(w *witness, s *[]Sailor) *gorm.DB { return w.Find(s, 91) }),
		reused("NULLs into a full locker", fullLocker, func(w *witness, l *Locker) *gorm.DB { l.ID = 0; return w.First(l, 2) }),
		reused("NULLs into full lockers", func() []Locker { return []Locker{fullLocker()} },
			func(w *witness, l *[]Locker) *gorm.DB { return w.Order("id").Find(l) }),
		reused("NULLs into a full chest", fullChest, func(w *witness, c *Chest) *gorm.DB { c.ID = 0; return w.First(c, 2) }),
		found("every kind", func(w *witness, l *Locker) *gorm.DB { return w.First(l, 1) }),
		found("every kind, zero", func(w *witness, l *Locker) *gorm.DB { return w.First(l, 2) }),
		found("every kind, list", func(w *witness, l *[]Locker) *gorm.DB { return w.Order("id").Find(l) }),
		found("custom kinds", func(w *witness, c *Chest) *gorm.DB { return w.First(c, 1) }),
		found("custom kinds, NULL", func(w *witness, c *Chest) *gorm.DB { return w.First(c, 2) }),
		found("custom kinds, list", func(w *witness, c *[]*Chest) *gorm.DB { return w.Order("id").Find(c) }),
		found("key of text", func(w *witness, g *Tongue) *gorm.DB { return w.First(g, "code = ?", "en") }),
		found("key of text, inline", func(w *witness, g *Tongue) *gorm.DB { return w.First(g, "en") }),
		found("key of text, by struct", func(w *witness, g *Tongue) *gorm.DB { return w.First(g, &Tongue{Code: "fr"}) }),
		found("key of text, none", func(w *witness, g *Tongue) *gorm.DB { return w.First(g, "code = ?", "EN") }),
		found("key of text, trailing space", func(w *witness, g *Tongue) *gorm.DB { return w.First(g, "code = ?", "en ") }),
		found("key of text, a number", func(w *witness, g *Tongue) *gorm.DB { return w.First(g, "code = ?", 5) }),
		found("key of text, bytes", func(w *witness, g *Tongue) *gorm.DB { return w.Where("code = ?", []byte("en")).First(g) }),
		found("key of text, named string", func(w *witness, g *Tongue) *gorm.DB { return w.First(g, "code = ?", Mood("en")) }),
		found("key of UUID", func(w *witness, c *Chart) *gorm.DB {
			return w.First(c, "id = ?", "6ba7b810-9dad-11d1-80b4-00c04fd430c8")
		}),
		found("key of UUID in capitals", func(w *witness, c *Chart) *gorm.DB {
			return w.First(c, "id = ?", "6BA7B811-9DAD-11D1-80B4-00C04FD430C8")
		}),
		found("key of UUID, nonsense", func(w *witness, c *Chart) *gorm.DB { return w.First(c, "id = ?", "no uuid") }),
		found("composite key", func(w *witness, c *Cargo) *gorm.DB { return w.First(c, &Cargo{ShipID: 1, Hold: "stern"}) }),
		found("composite key in text", func(w *witness, c *Cargo) *gorm.DB { return w.First(c, "ship_id = ? AND hold = ?", 1, "stern") }),
		found("composite key in two wheres", func(w *witness, c *Cargo) *gorm.DB {
			return w.Where("ship_id = ?", 1).Where("hold = ?", "stern").Take(c)
		}),
		found("half a composite key", func(w *witness, c *[]Cargo) *gorm.DB { return w.Order("hold").Find(c, &Cargo{ShipID: 1}) }),
		found("half a composite key, first", func(w *witness, c *Cargo) *gorm.DB { return w.First(c, 1) }),
		found("composite keys", func(w *witness, c *[]Cargo) *gorm.DB {
			return w.Where("(ship_id, hold) IN ?", [][]any{{1, "bow"}, {2, "bow"}}).Order("ship_id").Find(c)
		}),
		reused("composite key in the destination", func() Cargo { return Cargo{ShipID: 2, Hold: "bow"} }, func(w *witness, c *Cargo) *gorm.DB { return w.First(c) }),
		reused("half a key in the destination", func() Cargo { return Cargo{ShipID: 1} }, func(w *witness, c *Cargo) *gorm.DB { return w.Last(c) }),
		found("loose key", func(w *witness, r *Rope) *gorm.DB { return w.First(r, "name = ?", "Main") }),
		found("loose key in capitals", func(w *witness, r *Rope) *gorm.DB { return w.First(r, "name = ?", "MAIN") }),
		found("loose key, padded", func(w *witness, r *Rope) *gorm.DB { return w.First(r, "name = ?", "jib  ") }),
		found("float key", func(w *witness, x *Tide) *gorm.DB { return w.First(x, 2.25) }),
		found("float key, of none", func(w *witness, x *Tide) *gorm.DB { return w.First(x, 2.250001) }),
		found("no key", func(w *witness, l *Logline) *gorm.DB { return w.First(l) }),
		found("no key, a list", func(w *witness, l *[]Logline) *gorm.DB { return w.Order("day, text").Find(l) }),
		found("no key, by condition", func(w *witness, l *Logline) *gorm.DB { return w.Take(l, "day = ?", 2) }),
	}
}

func fullSailor() Sailor {
	return Sailor{
		Model: gorm.Model{ID: 2, CreatedAt: day(1), UpdatedAt: day(2), DeletedAt: gorm.DeletedAt{Time: day(3), Valid: true}}, Name: "x", Age: 9,
		Wage: 9.5, Born: ptr(day(4)), Sober: true, ShipID: ptr(int64(9)), Ship: &Ship{ID: 9}, CaptainID: ptr(uint(9)), Parrots: []*Parrot{{}}, Seen: 5,
	}
}

func fullLocker() Locker {
	l := lockers()[0]
	l.Made, l.Moved = 1, 2
	return l
}

func fullChest() Chest { return chests()[0] }

func conditionTrials() []trial {
	return []trial{
		found("all", func(w *witness, s *[]Sailor) *gorm.DB { return w.Order("id").Find(s) }),
		found("all, unscoped", func(w *witness, s *[]Sailor) *gorm.DB { return w.Unscoped().Order("id").Find(s) }),
		found("by name", func(w *witness, s *Sailor) *gorm.DB { return w.First(s, "name = ?", "Bob") }),
		found("by struct", func(w *witness, s *[]Sailor) *gorm.DB { return w.Order("id").Find(s, Sailor{Age: 30}) }),
		found("by time", func(w *witness, s *[]Sailor) *gorm.DB { return w.Where("born > ?", day(2)).Find(s) }),
		found("by time, now", func(w *witness, s *[]Sailor) *gorm.DB { return w.Where("born < ?", time.Now()).Order("id").Find(s) }),
		found("by float", func(w *witness, s *[]Sailor) *gorm.DB { return w.Where("wage = ?", 0.1).Find(s) }),
		found("by bool", func(w *witness, s *[]Sailor) *gorm.DB { return w.Where("sober = ?", true).Order("id").Find(s) }),
		found("by NULL", func(w *witness, s *[]Sailor) *gorm.DB { return w.Where("captain_id IS NULL").Find(s) }),
		found("by nil in a map", func(w *witness, s *[]Sailor) *gorm.DB { return w.Where(map[string]any{"captain_id": nil}).Find(s) }),
		found("by bytes", func(w *witness, l *[]Locker) *gorm.DB { return w.Where("bytes = ?", []byte{0, 1, 255}).Find(l) }),
		found("by custom value", func(w *witness, c *[]Chest) *gorm.DB { return w.Where("weight = ?", Kilos(12)).Find(c) }),
		found("by custom struct", func(w *witness, c *[]Chest) *gorm.DB { return w.Where(&Chest{Mood: "grim"}).Find(c) }),
		found("like", func(w *witness, s *[]Sailor) *gorm.DB { return w.Where("name LIKE ?", "%o%").Order("id").Find(s) }),
		found("between", func(w *witness, s *[]Sailor) *gorm.DB {
			return w.Where("age BETWEEN ? AND ?", 20, 30).Order("id").Find(s)
		}),
		found("named", func(w *witness, s *[]Sailor) *gorm.DB {
			return w.Where("name = @n OR age = @a", sql.Named("n", "Ann"), sql.Named("a", 20)).Order("id").Find(s)
		}),
		found("named by map", func(w *witness, s *[]Sailor) *gorm.DB {
			return w.Where("name = @n", map[string]any{"n": "Ann"}).Find(s)
		}),
		found("or", func(w *witness, s *[]Sailor) *gorm.DB {
			return w.Where("age = ?", 20).Or("name = ?", "Ann").Order("id").Find(s)
		}),
		found("grouped", func(w *witness, s *[]Sailor) *gorm.DB {
			return w.Where(w.Where("age = ?", 30).Where(w.Where("sober = ?", true).Or("wage > ?", 5))).Or(&Sailor{Name: "Cid"}).Order("id").Find(s)
		}),
		found("not struct", func(w *witness, s *[]Sailor) *gorm.DB { return w.Not(&Sailor{Name: "Ann"}).Order("id").Find(s) }),
		found("not map", func(w *witness, s *[]Sailor) *gorm.DB {
			return w.Not(map[string]any{"name": []string{"Ann", "Bob"}}).Order("id").Find(s)
		}),
		found("in nothing", func(w *witness, s *[]Sailor) *gorm.DB { return w.Where("name IN ?", []string{}).Find(s) }),
		found("in two columns", func(w *witness, s *[]Sailor) *gorm.DB {
			return w.Where("(name, age) IN ?", [][]any{{"Ann", 40}, {"Bob", 1}}).Find(s)
		}),
		found("distinct", func(w *witness, s *[]Sailor) *gorm.DB { return w.Distinct("age").Order("age").Find(s) }),
		found("select", func(w *witness, s *[]Sailor) *gorm.DB { return w.Select("id", "name").Order("id").Find(s) }),
		found("select by key", func(w *witness, s *Sailor) *gorm.DB { return w.Select("name", "age").First(s, 1) }),
		found("select text", func(w *witness, s *Sailor) *gorm.DB { return w.Select("id, age + ? AS age", 1).First(s, 1) }),
		found("omit", func(w *witness, s *Sailor) *gorm.DB { return w.Omit("wage", "Born").First(s, 1) }),
		found("table with alias", func(w *witness, s *[]Sailor) *gorm.DB {
			return w.Table("sailors AS x").Where("x.age > ?", 20).Order("x.id").Find(s)
		}),
		found("sub-query", func(w *witness, s *[]Sailor) *gorm.DB {
			return w.Where("age > (?)", w.Model(&Sailor{}).Select("avg(age)")).Order("id").Find(s)
		}),
		found("sub-query in from", func(w *witness, s *[]Sailor) *gorm.DB {
			return w.Table("(?) AS u", w.Model(&Sailor{}).Select("id, name")).Where("u.id < ?", 3).Order("id").Find(s)
		}),
		found("exists", func(w *witness, s *[]Ship) *gorm.DB {
			return w.Where("EXISTS (?)", w.Model(&Cargo{}).Select("1").Where("cargos.ship_id = ships.id AND weight > ?", 6)).Order("id").Find(s)
		}),
		found("page", func(w *witness, s *[]Sailor) *gorm.DB { return w.Order("age desc, id").Limit(2).Offset(1).Find(s) }),
		found("order by clause", func(w *witness, s *[]Sailor) *gorm.DB {
			return w.Order(clause.OrderByColumn{Column: clause.Column{Name: "name"}, Desc: true}).Find(s)
		}),
		found("order by expression", func(w *witness, s *[]Sailor) *gorm.DB {
			return w.Clauses(clause.OrderBy{Expression: clause.Expr{SQL: "CASE WHEN id = ? THEN 0 ELSE 1 END, id", Vars: []any{3}}}).Find(s)
		}),
		found("for update", func(w *witness, s *Ship) *gorm.DB { return w.Clauses(clause.Locking{Strength: "UPDATE"}).First(s, 1) }),
		found("comment", func(w *witness, s *[]Ship) *gorm.DB { return w.Where("id > ? /* a comment */", 1).Order("id").Find(s) }),
		found("scopes", func(w *witness, s *[]Sailor) *gorm.DB {
			young := func(db *gorm.DB) *gorm.DB { return db.Where("age < ?", 35) }
			return w.Scopes(young, func(db *gorm.DB) *gorm.DB { return db.Order("id") }).Find(s)
		}),
		found("query fields", func(w *witness, s *Sailor) *gorm.DB { return w.with(gorm.Session{QueryFields: true}).First(s, 1) }),
		found("prepared", func(w *witness, s *Sailor) *gorm.DB { return w.with(gorm.Session{PrepareStmt: true}).First(s, 1) }),
		found("prepared list", func(w *witness, s *[]Sailor) *gorm.DB {
			return w.with(gorm.Session{PrepareStmt: true}).Where("age > ?", 20).Order("id").Find(s)
		}),
		found("skip hooks", func(w *witness, s *Sailor) *gorm.DB { return w.with(gorm.Session{SkipHooks: true}).First(s, 1) }),
		found("hooks that read", func(w *witness, v *[]Voyage) *gorm.DB { return w.Order("id").Find(v) }),
		found("hooks that read, by key", func(w *witness, v *Voyage) *gorm.DB { return w.First(v, 1) }),
		found("unknown column", func(w *witness, s *[]Sailor) *gorm.DB { return w.Where("beard = ?", 1).Find(s) }),
		found("unknown table", func(w *witness, s *[]Sailor) *gorm.DB { return w.Table("beards").Find(s) }),
		found("an error at a later row", func(w *witness, s *[]Sailor) *gorm.DB {
			return w.Select("id, CASE WHEN id = 3 THEN abs(id * 0 - 9223372036854775807 - 1) ELSE 1 END AS age").Order("id").Find(s)
		}),
		reused("an error at a later row, into a full list", func() []Sailor { return []Sailor{fullSailor()} }, func(w *witness, s *[]Sailor) *gorm.DB {
			return w.Select("id, CASE WHEN id = 3 THEN abs(id * 0 - 9223372036854775807 - 1) ELSE 1 END AS age").Order("id").Find(s)
		}),
		found("a value that does not fit", func(w *witness, l *[]struct{ S int }) *gorm.DB { return w.Model(&Locker{}).Order("id").Find(l) }),
		found("bad SQL", func(w *witness, s *[]Sailor) *gorm.DB { return w.Where("name = = ?", 1).Find(s) }),
		found("too few arguments", func(w *witness, s *[]Sailor) *gorm.DB { return w.Where("name = ? AND age = ?", "Ann").Find(s) }),
		found("a value of the wrong type", func(w *witness, s *[]Sailor) *gorm.DB { return w.Where("age = ?", "old").Find(s) }),
		found("an argument no driver takes", func(w *witness, s *[]Sailor) *gorm.DB { return w.Where("age = ?", struct{ A int }{1}).Find(s) }),
	}
}
