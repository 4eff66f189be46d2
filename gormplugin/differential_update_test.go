package cacheplugin_test

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// updateTrials change rows.
func updateTrials() []trial {
	expr := func(sql string, args ...any) clause.Expr { return gorm.Expr(sql, args...) }
	ship, coin, sailor := of(Ship{ID: 1}), of(Coin{ID: 1}), of(Sailor{Model: gorm.Model{ID: 1}})
	return []trial{
		wrote("a column", ship, func(w *witness, s *Ship) *gorm.DB { return w.Model(s).Update("tons", 7) }),
		wrote("a column by field name", ship, func(w *witness, s *Ship) *gorm.DB { return w.Model(s).Update("Tons", 7) }),
		wrote("a column, same value", ship, func(w *witness, s *Ship) *gorm.DB { return w.Model(s).Update("tons", 100) }),
		wrote("a column of none", of(Ship{ID: 99}), func(w *witness, s *Ship) *gorm.DB { return w.Model(s).Update("tons", 7) }),
		wrote("a column with hooks", sailor, func(w *witness, s *Sailor) *gorm.DB { return w.Model(s).Update("name", "Amy") }),
		wrote("a column of a deleted row", of(Sailor{Model: gorm.Model{ID: 5}}), func(w *witness, s *Sailor) *gorm.DB { return w.Model(s).Update("name", "Eva") }),
		wrote("a column of a deleted row, unscoped", of(Sailor{Model: gorm.Model{ID: 5}}), func(w *witness, s *Sailor) *gorm.DB {
			return w.Unscoped().Model(s).Update("name", "Eva")
		}),
		wrote("an unknown column", ship, func(w *witness, s *Ship) *gorm.DB { return w.Model(s).Update("beard", 7) }),
		wrote("a column to a wrong type", ship, func(w *witness, s *Ship) *gorm.DB { return w.Model(s).Update("tons", "heavy") }),
		wrote("a column to text that is a number", ship, func(w *witness, s *Ship) *gorm.DB { return w.Model(s).Update("tons", "12") }),
		wrote("a column to a float", ship, func(w *witness, s *Ship) *gorm.DB { return w.Model(s).Update("tons", 12.0) }),
		wrote("a column to NULL that may not be", ship, func(w *witness, s *Ship) *gorm.DB { return w.Model(s).Update("name", nil) }),
		wrote("a column to NULL", of(Cargo{ShipID: 1, Hold: "stern", Note: ptr("old")}), func(w *witness, c *Cargo) *gorm.DB { return w.Model(c).Update("note", nil) }),
		wrote("a column to a nil pointer", of(Cargo{ShipID: 1, Hold: "stern"}), func(w *witness, c *Cargo) *gorm.DB { return w.Model(c).Update("note", (*string)(nil)) }),
		wrote("to a name that is there", ship, func(w *witness, s *Ship) *gorm.DB { return w.translated().Model(s).Update("name", "Beagle") }),
		wrote("plus", coin, func(w *witness, c *Coin) *gorm.DB { return w.Model(c).Update("worth", expr("worth + ?", 5)) }),
		wrote("minus", coin, func(w *witness, c *Coin) *gorm.DB { return w.Model(c).Update("worth", expr("worth - ?", 5)) }),
		wrote("times", coin, func(w *witness, c *Coin) *gorm.DB { return w.Model(c).Update("worth", expr("worth * ?", 5)) }),
		later(overflow, wrote("plus beyond the range", coin, func(w *witness, c *Coin) *gorm.DB {
			return w.Model(c).Update("worth", expr("worth + ?", int64(1<<63-1)))
		})),
		wrote("plus of none", of(Coin{ID: 99}), func(w *witness, c *Coin) *gorm.DB { return w.Model(c).Update("worth", expr("worth + ?", 5)) }),
		wrote("plus and a value", coin, func(w *witness, c *Coin) *gorm.DB {
			return w.Model(c).Updates(map[string]any{"worth": expr("worth + 1"), "face": "pope"})
		}),
		wrote("another column's value", coin, func(w *witness, c *Coin) *gorm.DB { return w.Model(c).Update("worth", expr("owner_id")) }),
		wrote("a map", ship, func(w *witness, s *Ship) *gorm.DB {
			return w.Model(s).Updates(map[string]any{"tons": 7, "Name": "Ark"})
		}),
		wrote("a map of nothing", ship, func(w *witness, s *Ship) *gorm.DB { return w.Model(s).Updates(map[string]any{}) }),
		wrote("a map with hooks", sailor, func(w *witness, s *Sailor) *gorm.DB { return w.Model(s).Updates(map[string]any{"age": 7, "wage": nil}) }),
		wrote("a struct", ship, func(w *witness, s *Ship) *gorm.DB { return w.Model(s).Updates(Ship{Tons: 7}) }),
		wrote("a struct with zero", ship, func(w *witness, s *Ship) *gorm.DB { return w.Model(s).Select("tons").Updates(Ship{Tons: 0}) }),
		wrote("a struct of nothing", ship, func(w *witness, s *Ship) *gorm.DB { return w.Model(s).Updates(Ship{}) }),
		wrote("a struct with hooks", sailor, func(w *witness, s *Sailor) *gorm.DB { return w.Model(s).Updates(Sailor{Age: 7}) }),
		wrote("a struct with its key as model", of(Sailor{}), func(w *witness, s *Sailor) *gorm.DB {
			s.ID, s.Name = 2, "Ben"
			return w.Updates(s)
		}),
		wrote("a smaller struct", ship, func(w *witness, s *Ship) *gorm.DB { return w.Model(s).Updates(struct{ Tons int64 }{9}) }),
		wrote("select all", of(Coin{ID: 1, Face: "f"}), func(w *witness, c *Coin) *gorm.DB { return w.Model(c).Select("*").Updates(Coin{ID: 1, Face: "g"}) }),
		wrote("select all but", of(Coin{ID: 1}), func(w *witness, c *Coin) *gorm.DB {
			return w.Model(c).Select("*").Omit("owner_id", "ID").Updates(Coin{Face: "g"})
		}),
		wrote("omit", ship, func(w *witness, s *Ship) *gorm.DB { return w.Model(s).Omit("name").Updates(Ship{Name: "Ark", Tons: 7}) }),
		wrote("the key", ship, func(w *witness, s *Ship) *gorm.DB { return w.Model(s).Update("id", 70) }),
		wrote("the key of text", of(Tongue{Code: "sw"}), func(w *witness, g *Tongue) *gorm.DB { return w.Model(g).Update("code", "SW") }),
		wrote("half of the key", of(Cargo{ShipID: 3, Hold: "mid"}), func(w *witness, c *Cargo) *gorm.DB { return w.Model(c).Updates(Cargo{Hold: "low"}) }),
		wrote("column only", sailor, func(w *witness, s *Sailor) *gorm.DB { return w.Model(s).UpdateColumn("age", 7) }),
		wrote("columns only", sailor, func(w *witness, s *Sailor) *gorm.DB { return w.Model(s).UpdateColumns(Sailor{Age: 7, Name: "Amy"}) }),
		wrote("column only, plus", sailor, func(w *witness, s *Sailor) *gorm.DB { return w.Model(s).UpdateColumn("age", expr("age + 1")) }),
		wrote("by where", of(1), func(w *witness, _ *int) *gorm.DB { return w.Model(&Coin{}).Where("worth > ?", 5).Update("face", "x") }),
		wrote("by where and key", of(1), func(w *witness, _ *int) *gorm.DB {
			return w.Model(&Coin{}).Where("id = ? AND worth > ?", 1, 50).Update("face", "x")
		}),
		wrote("by where of keys", of(1), func(w *witness, _ *int) *gorm.DB {
			return w.Model(&Coin{}).Where("id IN ?", []int{1, 2, 99}).Update("face", "x")
		}),
		wrote("by where of a map", of(1), func(w *witness, _ *int) *gorm.DB {
			return w.Model(&Coin{}).Where(map[string]any{"face": "king"}).Updates(Coin{Face: "x"})
		}),
		wrote("by or", of(1), func(w *witness, _ *int) *gorm.DB {
			return w.Model(&Coin{}).Where("id = ?", 1).Or("id = ?", 2).Update("face", "x")
		}),
		wrote("by where with hooks", of(Sailor{}), func(w *witness, s *Sailor) *gorm.DB { return w.Model(s).Where("age = ?", 30).Update("age", 31) }),
		wrote("by where, none met", of(1), func(w *witness, _ *int) *gorm.DB { return w.Model(&Coin{}).Where("worth > ?", 500).Update("face", "x") }),
		wrote("by sub-query", of(1), func(w *witness, _ *int) *gorm.DB {
			return w.Model(&Coin{}).Where("owner_id IN (?)", w.Model(&Sailor{}).Select("id").Where("name = ?", "Ann")).Update("face", "x")
		}),
		wrote("from a sub-query", ship, func(w *witness, s *Ship) *gorm.DB {
			return w.Model(s).Update("tons", w.Model(&Cargo{}).Select("sum(weight)").Where("ship_id = ships.id"))
		}),
		wrote("models in a slice", of([]Coin{{ID: 1}, {ID: 2}}), func(w *witness, c *[]Coin) *gorm.DB { return w.Model(c).Update("face", "x") }),
		wrote("sailors in a slice", of([]Sailor{{Model: gorm.Model{ID: 1}}, {Model: gorm.Model{ID: 9}}}), func(w *witness, s *[]Sailor) *gorm.DB {
			return w.Model(s).Updates(map[string]any{"age": 9})
		}),
		wrote("everything, refused", of(1), func(w *witness, _ *int) *gorm.DB { return w.Model(&Coin{}).Update("face", "x") }),
		wrote("everything, allowed", of(1), func(w *witness, _ *int) *gorm.DB {
			return w.with(gorm.Session{AllowGlobalUpdate: true}).Model(&Coin{}).Update("face", "x")
		}),
		wrote("everything, where 1 = 1", of(1), func(w *witness, _ *int) *gorm.DB { return w.Model(&Ship{}).Where("1 = 1").Update("tons", 1) }),
		wrote("a table", of(1), func(w *witness, _ *int) *gorm.DB {
			return w.Table("coins").Where("id = ?", 1).Updates(map[string]any{"face": "x"})
		}),
		wrote("returning all", coin, func(w *witness, c *Coin) *gorm.DB {
			return w.Model(c).Clauses(clause.Returning{}).Update("worth", expr("worth + ?", 5))
		}),
		wrote("returning one", ship, func(w *witness, s *Ship) *gorm.DB {
			return w.Model(s).Clauses(clause.Returning{Columns: []clause.Column{{Name: "tons"}}}).Update("tons", expr("tons * 2"))
		}),
		wrote("returning many", of([]Coin{}), func(w *witness, c *[]Coin) *gorm.DB {
			return w.Model(c).Clauses(clause.Returning{}).Where("id = ?", 2).Update("face", "x")
		}),
		wrote("returning none", of([]Coin{}), func(w *witness, c *[]Coin) *gorm.DB {
			return w.Model(c).Clauses(clause.Returning{}).Where("id = ?", 98).Update("face", "x")
		}),
		wrote("returning, refused", of([]Ship{{ID: 1, Name: "old"}, {ID: 2, Name: "old"}}), func(w *witness, s *[]Ship) *gorm.DB {
			return w.Model(s).Clauses(clause.Returning{}).Update("name", "Calypso")
		}),
		wrote("returning one column, refused", of(Ship{ID: 1}), func(w *witness, s *Ship) *gorm.DB {
			return w.Model(s).Clauses(clause.Returning{Columns: []clause.Column{{Name: "tons"}}}).Update("name", "Calypso")
		}),
		wrote("custom kinds", of(Chest{ID: 1}), func(w *witness, c *Chest) *gorm.DB {
			return w.Model(c).Updates(Chest{Weight: 3, Marks: Marks{"z"}, List: []string{"three"}, Where: Spot{X: 9}, Notes: map[string]any{"n": nil}})
		}),
		wrote("every kind", of(Locker{ID: 2}), func(w *witness, l *Locker) *gorm.DB { return w.Model(l).Updates(lockers()[0]) }),
		wrote("every kind by a map", of(Locker{ID: 1}), func(w *witness, l *Locker) *gorm.DB {
			return w.Model(l).Updates(map[string]any{"i8": 1, "b": false, "s": "", "bytes": nil, "t": day(20), "pi": nil, "ns": nil, "f64": 2, "price": 1.239})
		}),
		wrote("generated columns change along", of(Flag{}), func(w *witness, f *Flag) *gorm.DB {
			w.ran(w.Create(f), f)
			w.ran(w.First(&Flag{}, f.ID))
			w.ran(w.Model(f).Clauses(clause.Returning{}).Update("name", "torn"), f)
			return w.First(f, f.ID)
		}),
		wrote("a hook that reads and writes", of(Voyage{ID: 1}), func(w *witness, v *Voyage) *gorm.DB { return w.Model(v).Update("days", 30) }),
		wrote("a hook that fails afterwards", of(Voyage{ID: 1, Name: "doomed"}), func(w *witness, v *Voyage) *gorm.DB { return w.Model(v).Update("days", 30) }),
		wrote("a row without key", of(1), func(w *witness, _ *int) *gorm.DB { return w.Model(&Logline{}).Where("day = ?", 1).Update("text", "x") }),
		wrote("a loose key", of(Rope{Name: "main"}), func(w *witness, r *Rope) *gorm.DB { return w.Model(r).Update("length", 99) }),
		wrote("a float key", of(Tide{Height: 2.25}), func(w *witness, x *Tide) *gorm.DB { return w.Model(x).Update("name", "x") }),
		wrote("no model", of(1), func(w *witness, _ *int) *gorm.DB { return w.Update("x", 1) }),
		{name: "an ended context", do: func(w *witness) {
			ctx, cancel := context.WithCancel(w.ctx)
			cancel()
			w.ran(w.WithContext(ctx).Model(&Ship{ID: 1}).Update("tons", 5))
			w.ran(w.WithContext(ctx).Create(&Coin{ID: 60}))
			w.ran(w.WithContext(ctx).Delete(&Coin{ID: 1}))
			w.ran(w.WithContext(ctx).Save(&Coin{ID: 2}))
			w.ran(w.WithContext(ctx).Exec("UPDATE ships SET tons = 0"))
		}},
		{name: "several in a row", do: func(w *witness) {
			c := Coin{ID: 1}
			for range 3 {
				w.ran(w.Model(&c).Update("worth", expr("worth + ?", 5)), &c)
				w.ran(w.First(&c), &c)
			}
			w.ran(w.Model(&Coin{}).Where("worth = ?", 25).Update("worth", 0))
			w.ran(w.First(&c), &c)
		}},
		{name: "generic", do: func(w *witness) {
			ctx := w.ctx
			n, err := gorm.G[Ship](w.DB).Where("id = ?", 1).Update(ctx, "tons", 5)
			w.saw(n, err)
			n, err = gorm.G[Ship](w.DB).Where("id = ?", 1).Updates(ctx, Ship{Tons: 6})
			w.saw(n, err)
			n, err = gorm.G[Ship](w.DB).Update(ctx, "tons", 5)
			w.saw(n, err)
			n, err = gorm.G[Coin](w.DB).Where("worth > ?", 1).Update(ctx, "worth", expr("worth + ?", 1))
			w.saw(n, err)
			s, err := gorm.G[Ship](w.DB).Where("id = ?", 1).First(ctx)
			w.saw(&s, err)
			n, err = gorm.G[Ship](w.DB).Where("id = ?", 2).Set(clause.Assignment{Column: clause.Column{Name: "tons"}, Value: 3}).Update(ctx)
			w.saw(n, err)
		}},
	}
}
