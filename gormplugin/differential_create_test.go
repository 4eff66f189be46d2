package cacheplugin_test

import (
	"reflect"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// wrote is a trial of one write of a value that is looked at afterwards.
func wrote[T any](name string, value func() T, write func(w *witness, v *T) *gorm.DB) trial {
	return trial{name: name, do: func(w *witness) {
		v := value()
		w.ran(write(w, &v), &v)
	}}
}

// of makes copies of the value, which share nothing with it.
func of[T any](v T) func() T {
	return func() T { return copied(reflect.ValueOf(&v).Elem()).Interface().(T) }
}

func copied(v reflect.Value) reflect.Value {
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			c.Set(reflect.New(v.Type().Elem()))
			c.Elem().Set(copied(v.Elem()))
		}
	case reflect.Interface:
		if !v.IsNil() {
			c.Set(copied(v.Elem()))
		}
	case reflect.Slice:
		if !v.IsNil() {
			c.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		}
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			c.Index(i).Set(copied(v.Index(i)))
		}
	case reflect.Map:
		c.Set(reflect.MakeMap(v.Type()))
		for it := v.MapRange(); it.Next(); {
			c.SetMapIndex(it.Key(), copied(it.Value()))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				c.Field(i).Set(copied(v.Field(i)))
			}
		}
	}
	return c
}

func create[T any](w *witness, v *T) *gorm.DB { return w.Create(v) }

// What write-back tells otherwise: a duplicate key as gorm.ErrDuplicatedKey, a constraint at the flush, a sum beyond its
// column's range in words of its own.
const (
	duplicate  = "gorm.ErrDuplicatedKey"
	constraint = "seen at the flush"
	overflow   = "checked at the call"
)

// createTrials insert rows.
func createTrials() []trial {
	conflict := func(c clause.OnConflict) func(*witness, *Ship) *gorm.DB {
		return func(w *witness, s *Ship) *gorm.DB { return w.Clauses(c).Create(s) }
	}
	id := []clause.Column{{Name: "id"}}
	return []trial{
		wrote("a row", of(Ship{Name: "Dove"}), create),
		wrote("a row with its key", of(Ship{ID: 50, Name: "Dove", Tons: 3}), create),
		wrote("a row with hooks", of(Sailor{Name: "Fay", Age: 3}), create),
		wrote("rows", of([]Ship{{Name: "Dove"}, {Name: "Eagle"}}), create),
		wrote("rows with their keys", of([]Ship{{ID: 50, Name: "Dove"}, {ID: 51, Name: "Eagle"}}), create),
		wrote("rows, one with its key", of([]Coin{{Face: "a"}, {ID: 70, Face: "b"}}), create),
		wrote("pointers to rows", of([]*Sailor{{Name: "Fay"}, {Name: "Gus"}}), create),
		wrote("an array of rows", of([2]Coin{{Face: "a"}, {Face: "b"}}), create),
		wrote("no rows", of([]Ship{}), create),
		wrote("nil rows", of([]*Ship{nil}), create),
		wrote("rows in batches", of([]Coin{{Face: "a"}, {Face: "b"}, {Face: "c"}}), func(w *witness, v *[]Coin) *gorm.DB { return w.CreateInBatches(v, 2) }),
		wrote("rows in the session's batches", of([]Sailor{{Name: "a"}, {Name: "b"}, {Name: "c"}}), func(w *witness, v *[]Sailor) *gorm.DB {
			return w.with(gorm.Session{CreateBatchSize: 2}).Create(v)
		}),
		wrote("rows in batches, the last refused", of([]Ship{{Name: "Dove"}, {Name: "Eagle"}, {Name: "Argo"}}), func(w *witness, v *[]Ship) *gorm.DB { return w.CreateInBatches(v, 2) }),
		wrote("a map", of(map[string]any{"name": "Dove", "tons": 4}), func(w *witness, v *map[string]any) *gorm.DB { return w.Model(&Ship{}).Create(v) }),
		wrote("a map with its key", of(map[string]any{"ID": 50, "Name": "Dove"}), func(w *witness, v *map[string]any) *gorm.DB { return w.Model(&Ship{}).Create(*v) }),
		wrote("a map with hooks", of(map[string]any{"Name": "Fay"}), func(w *witness, v *map[string]any) *gorm.DB { return w.Model(&Sailor{}).Create(v) }),
		wrote("a map with an expression", of(map[string]any{"name": clause.Expr{SQL: "upper(?)", Vars: []any{"dove"}}}), func(w *witness, v *map[string]any) *gorm.DB {
			return w.Model(&Ship{}).Create(v)
		}),
		wrote("maps", of([]map[string]any{{"name": "Dove"}, {"name": "Eagle", "tons": 9}}), func(w *witness, v *[]map[string]any) *gorm.DB {
			return w.Model(&Ship{}).Create(v)
		}),
		wrote("a map into a table", of(map[string]any{"name": "Dove"}), func(w *witness, v *map[string]any) *gorm.DB { return w.Table("ships").Create(v) }),
		wrote("a composite key", of(Cargo{ShipID: 2, Hold: "stern", Weight: 4}), create),
		wrote("composite keys", of([]Cargo{{ShipID: 2, Hold: "mid"}, {ShipID: 3, Hold: "bow", Note: ptr("n")}}), create),
		later(duplicate, wrote("a composite key that is there", of(Cargo{ShipID: 1, Hold: "bow"}), create)),
		wrote("a key of text", of(Tongue{Code: "la", Name: "Latin"}), create),
		wrote("an empty key of text", of(Tongue{Name: "none"}), create),
		wrote("a key made by a hook", of(Chart{Title: "Crete"}), create),
		wrote("keys made by hooks", of([]Chart{{Title: "Crete"}, {Title: "Cyprus"}}), create),
		wrote("a loose key", of(Rope{Name: "sheet", Length: 3}), create),
		wrote("a loose key that is there", of(Rope{Name: "MAIN", Length: 3}), create),
		wrote("a float key", of(Tide{Height: 0.1, Name: "ebb"}), create),
		wrote("no key", of(Logline{Day: 9, Text: "new"}), create),
		wrote("every kind", func() Locker { l := lockers()[0]; l.ID = 50; return l }, create),
		wrote("every kind, zero", of(Locker{ID: 51}), create),
		wrote("every kind, its key to be made", func() Locker { l := lockers()[0]; l.ID = 0; return l }, create),
		wrote("a short text too long", of(Locker{ID: 52, Short: "more than eight"}), create),
		wrote("a number rounded", of(Locker{ID: 53, Price: 1.005, F32: 0.1}), create),
		wrote("a time with nanoseconds", of(Locker{ID: 54, T: time.Date(2001, 1, 1, 1, 1, 1, 123456789, time.FixedZone("x", 3600))}), create),
		wrote("a time out of range", of(Locker{ID: 55, T: time.Date(-5, 1, 1, 1, 1, 1, 1, time.UTC)}), create),
		wrote("a number out of range", of(Locker{ID: 56, U64: 1<<64 - 1}), create),
		wrote("text with a zero byte", of(Locker{ID: 57, S: "a\x00b"}), create),
		wrote("text that is not UTF-8", of(Locker{ID: 58, S: "\xff"}), create),
		wrote("custom kinds", func() Chest { c := chests()[0]; c.ID = 50; return c }, create),
		wrote("custom kinds, its key to be made", func() Chest { c := chests()[0]; c.ID = 0; return c }, create),
		wrote("defaults", of(Flag{}), create),
		wrote("defaults of several", of([]Flag{{}, {Name: "black"}, {Rank: 1, Dyed: ptr(false)}}), create),
		wrote("defaults with the key", of(Flag{ID: 7}), create),
		wrote("defaults given", of(Flag{ID: 8, Name: "white", Rank: 2, Dyed: ptr(false)}), create),
		wrote("defaults, returning all", of(Flag{ID: 9}), func(w *witness, f *Flag) *gorm.DB { return w.Clauses(clause.Returning{}).Create(f) }),
		wrote("defaults, returning one", of(Flag{Name: "x"}), func(w *witness, f *Flag) *gorm.DB {
			return w.Clauses(clause.Returning{Columns: []clause.Column{{Name: "label"}}}).Create(f)
		}),
		wrote("select", of(Sailor{Name: "Fay", Age: 9, Wage: 2}), func(w *witness, s *Sailor) *gorm.DB { return w.Select("Name", "Age").Create(s) }),
		wrote("omit", of(Sailor{Name: "Fay", Age: 9, Wage: 2}), func(w *witness, s *Sailor) *gorm.DB { return w.Omit("Age").Create(s) }),
		wrote("select with a key", of(Coin{ID: 77, Face: "f", Worth: 2}), func(w *witness, c *Coin) *gorm.DB { return w.Select("ID", "Face").Create(c) }),
		later(duplicate, wrote("a key that is there", of(Ship{ID: 1, Name: "Other"}), create)),
		later(duplicate, wrote("a key that is there, translated", of(Ship{ID: 1, Name: "Other"}), func(w *witness, s *Ship) *gorm.DB { return w.translated().Create(s) })),
		wrote("a name that is there", of(Ship{Name: "Argo"}), create),
		wrote("a name that is there, translated", of(Ship{Name: "Argo"}), func(w *witness, s *Ship) *gorm.DB { return w.translated().Create(s) }),
		later(constraint, wrote("a parent that is not there", of(Cargo{ShipID: 99, Hold: "bow"}), create)),
		later(constraint, wrote("a parent that is not there, translated", of(Cargo{ShipID: 99, Hold: "bow"}), func(w *witness, c *Cargo) *gorm.DB { return w.translated().Create(c) })),
		wrote("rows, one of them there", of([]Coin{{ID: 80}, {ID: 1}}), create),
		wrote("conflict, do nothing", of(Ship{ID: 1, Name: "Other"}), conflict(clause.OnConflict{DoNothing: true})),
		wrote("no conflict, do nothing", of(Ship{ID: 60, Name: "Other"}), conflict(clause.OnConflict{DoNothing: true})),
		wrote("conflict on a name, do nothing", of(Ship{Name: "Argo"}), conflict(clause.OnConflict{DoNothing: true})),
		wrote("conflict, update all", of(Ship{ID: 1, Name: "Other", Tons: 8}), conflict(clause.OnConflict{UpdateAll: true})),
		wrote("no conflict, update all", of(Ship{ID: 60, Name: "Other", Tons: 8}), conflict(clause.OnConflict{UpdateAll: true})),
		wrote("conflict, update columns", of(Ship{ID: 1, Name: "Other", Tons: 8}), conflict(clause.OnConflict{Columns: id, DoUpdates: clause.AssignmentColumns([]string{"tons"})})),
		wrote("conflict, update values", of(Ship{ID: 1, Name: "Other", Tons: 8}), conflict(clause.OnConflict{Columns: id, DoUpdates: clause.Assignments(map[string]any{"tons": 77})})),
		wrote("conflict on a name, update", of(Ship{Name: "Argo", Tons: 8}), conflict(clause.OnConflict{
			Columns: []clause.Column{{Name: "name"}}, DoUpdates: clause.Assignments(map[string]any{"tons": gorm.Expr("ships.tons + excluded.tons")}),
		})),
		wrote("conflict of coins, add", of(Coin{ID: 1, Worth: 8}), func(w *witness, c *Coin) *gorm.DB {
			return w.Clauses(clause.OnConflict{Columns: id, DoUpdates: clause.Assignments(map[string]any{"worth": gorm.Expr("coins.worth + ?", 3)})}).Create(c)
		}),
		wrote("conflict of coins, update some of two", of([]Coin{{ID: 1, Worth: 8}, {ID: 81, Worth: 9}}), func(w *witness, c *[]Coin) *gorm.DB {
			return w.Clauses(clause.OnConflict{Columns: id, DoUpdates: clause.AssignmentColumns([]string{"worth"})}).Create(c)
		}),
		wrote("conflict with a condition", of(Coin{ID: 1, Worth: 8}), func(w *witness, c *Coin) *gorm.DB {
			return w.Clauses(clause.OnConflict{
				Columns: id, DoUpdates: clause.AssignmentColumns([]string{"worth"}),
				Where: clause.Where{Exprs: []clause.Expression{gorm.Expr("coins.worth > ?", 100)}},
			}).Create(c)
		}),
		wrote("conflict of a tongue, update all", of(Tongue{Code: "en", Name: "Norse"}), func(w *witness, g *Tongue) *gorm.DB {
			return w.Clauses(clause.OnConflict{UpdateAll: true}).Create(g)
		}),
		wrote("conflict with returning", of(Ship{ID: 1, Name: "Argo", Tons: 8}), func(w *witness, s *Ship) *gorm.DB {
			return w.Clauses(clause.OnConflict{UpdateAll: true}, clause.Returning{}).Create(s)
		}),
		wrote("skipping hooks", of(Sailor{Name: "Fay"}), func(w *witness, s *Sailor) *gorm.DB { return w.with(gorm.Session{SkipHooks: true}).Create(s) }),
		wrote("a hook that writes", of(Voyage{Name: "far", Days: 9}), create),
		wrote("a hook that refuses", of(Voyage{Name: "cursed", Days: 9}), create),
		wrote("no model", of(1), func(w *witness, n *int) *gorm.DB { return w.Create(n) }),
		wrote("find or create, there", of(Ship{}), func(w *witness, s *Ship) *gorm.DB { return w.FirstOrCreate(s, Ship{Name: "Argo"}) }),
		wrote("find or create, not there", of(Ship{}), func(w *witness, s *Ship) *gorm.DB {
			return w.Where(Ship{Name: "Dove"}).Attrs(Ship{Tons: 7}).FirstOrCreate(s)
		}),
		wrote("find or create, assigned", of(Ship{}), func(w *witness, s *Ship) *gorm.DB {
			return w.Where(Ship{Name: "Argo"}).Assign(Ship{Tons: 7}).FirstOrCreate(s)
		}),
		wrote("find or create by key", of(Coin{}), func(w *witness, c *Coin) *gorm.DB { return w.FirstOrCreate(c, Coin{ID: 99, Face: "late"}) }),
		{name: "find or create twice", do: func(w *witness) {
			for range 2 {
				var c Tongue
				w.ran(w.FirstOrCreate(&c, Tongue{Code: "no", Name: "Norse"}), &c)
			}
		}},
		{name: "create what was not found", do: func(w *witness) {
			var s Ship
			w.ran(w.First(&s, 50), &s)
			w.ran(w.Create(&Ship{ID: 50, Name: "Dove"}))
			w.ran(w.First(&s, 50), &s)
			w.ran(w.Create(&Ship{ID: 50, Name: "Dove"}).Session(&gorm.Session{NewDB: true}))
		}},
		{name: "create, delete and create", do: func(w *witness) {
			c := Coin{ID: 50, Face: "x"}
			w.ran(w.Create(&c), &c)
			w.ran(w.Delete(&c), &c)
			w.ran(w.Create(&c), &c)
			w.ran(w.First(&Coin{}, 50))
		}},
		{name: "generic", do: func(w *witness) {
			ctx := w.ctx
			s := Ship{ID: 50, Name: "Dove"}
			w.saw(gorm.G[Ship](w.DB).Create(ctx, &s), &s)
			many := []Coin{{Face: "a"}, {Face: "b"}, {Face: "c"}}
			w.saw(gorm.G[Coin](w.DB).CreateInBatches(ctx, &many, 2), &many)
			result := gorm.WithResult()
			w.saw(gorm.G[Ship](w.DB, result).Create(ctx, &Ship{Name: "Eagle"}), result.RowsAffected)
			again := Ship{ID: 1, Name: "Other"}
			w.saw(gorm.G[Ship](w.DB, clause.OnConflict{DoNothing: true}).Create(ctx, &again), &again)
			w.saw(gorm.G[Ship](w.DB).Create(ctx, &again))
		}},
	}
}
