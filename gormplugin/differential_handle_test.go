package cacheplugin_test

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// handleTrials use one handle several times: what a statement leaves behind is the next one's beginning.
func handleTrials() []trial {
	return []trial{
		{name: "First, then Find on its result", do: func(w *witness) {
			var (
				s   Sailor
				all []Sailor
			)
			tx := w.First(&s, 1)
			w.ran(tx, &s)
			w.ran(tx.Find(&all), &all)
		}},
		{name: "First by destination, then Find on its result", do: func(w *witness) {
			s := Ship{ID: 2}
			tx := w.First(&s)
			w.ran(tx, &s)
			var all []Ship
			w.ran(tx.Find(&all), &all)
		}},
		{name: "First by destination, then First on its result", do: func(w *witness) {
			tx := w.Model(&Sailor{})
			s := Sailor{Model: gorm.Model{ID: 2}}
			w.ran(tx.Take(&s), &s)
			var other Sailor
			w.ran(tx.Take(&other), &other)
			w.ran(tx.Unscoped().Take(&other), &other)
		}},
		{name: "Take twice on a condition", do: func(w *witness) {
			tx := w.Where("age = ?", 30)
			var a, b Sailor
			w.ran(tx.Order("id").First(&a), &a)
			w.ran(tx.First(&b), &b)
		}},
		{name: "a session of a condition", do: func(w *witness) {
			tx := w.Where("age > ?", 20).Session(&gorm.Session{})
			var (
				a, b []Sailor
				n    int64
			)
			w.ran(tx.Where("sober").Order("id").Find(&a), &a)
			w.ran(tx.Order("id desc").Find(&b), &b)
			w.ran(tx.Model(&Sailor{}).Count(&n), &n)
		}},
		{name: "scoped by key, then unscoped", do: func(w *witness) {
			tx := w.Where("id = ?", 5)
			var s Sailor
			w.ran(tx.Limit(1).Find(&s), &s)
			w.ran(tx.Unscoped().Limit(1).Find(&s), &s)
		}},
		{name: "unscoped by key, then scoped", do: func(w *witness) {
			tx := w.Unscoped().Where("id = ?", 5).Session(&gorm.Session{})
			var s Sailor
			w.ran(tx.First(&s), &s)
			w.ran(tx.Session(&gorm.Session{NewDB: true}).Limit(1).Find(&s, 5), &s)
		}},
		{name: "soft delete filter left behind", do: func(w *witness) {
			var s, again Sailor
			tx := w.Where("id = ?", 1).Limit(1).Find(&s)
			w.ran(tx, &s)
			w.ran(tx.Unscoped().Find(&again), &again)
			var n int64
			w.ran(tx.Model(&Sailor{}).Count(&n), &n)
		}},
		{name: "clauses left behind", do: func(w *witness) {
			for _, read := range []func(*Ship) *gorm.DB{
				func(s *Ship) *gorm.DB { return w.First(s, 1) },
				func(s *Ship) *gorm.DB { s.ID = 1; return w.Take(s) },
				func(s *Ship) *gorm.DB { return w.Where("name = ?", "Argo").Take(s) },
			} {
				var s Ship
				tx := read(&s)
				for _, name := range []string{"SELECT", "FROM", "WHERE", "ORDER BY", "LIMIT", "soft_delete_enabled"} {
					c, ok := tx.Statement.Clauses[name]
					w.saw(name, ok, c.Expression)
				}
				w.saw(tx.Statement.Table, tx.Statement.SQL.String(), tx.Statement.Vars, tx.Statement.Schema.Name, tx.Statement.Dest, tx.Statement.Model)
			}
		}},
		{name: "an error stays", do: func(w *witness) {
			var s Sailor
			tx := w.First(&s, 99)
			w.ran(tx.First(&s, 1), &s)
			w.ran(w.First(&s, 1), &s)
		}},
		{name: "a handle in two clauses", do: func(w *witness) {
			older := w.Where("age > ?", 25)
			var s []Sailor
			w.ran(w.Where(older).Order("id").Find(&s), &s)
			w.ran(w.Where(older).Or("name = ?", "Cid").Order("id").Find(&s), &s)
		}},
		{name: "model and destination", do: func(w *witness) {
			m, d := Sailor{Model: gorm.Model{ID: 2}}, Sailor{}
			w.ran(w.Model(&m).First(&d), &m, &d)
			var list []Ship
			w.ran(w.Model(&Sailor{}).Limit(1).Find(&list, 1), &list)
		}},
		{name: "dry run", do: func(w *witness) {
			var (
				s Sailor
				n int64
			)
			for _, tx := range []*gorm.DB{
				w.with(gorm.Session{DryRun: true}).First(&s, 1), w.with(gorm.Session{DryRun: true}).Model(&Sailor{}).Count(&n),
				w.with(gorm.Session{DryRun: true}).Create(&Ship{ID: 9, Name: "Dry"}), w.with(gorm.Session{DryRun: true}).Delete(&Ship{ID: 1}),
				w.with(gorm.Session{DryRun: true}).Model(&Ship{ID: 1}).Update("tons", 1), w.with(gorm.Session{DryRun: true}).Save(&Coin{ID: 1}),
				w.with(gorm.Session{DryRun: true}).Exec("DELETE FROM ships"),
			} {
				w.ran(tx, tx.Statement.SQL.String(), tx.Statement.Vars)
			}
			w.ran(w.First(&s, 1), &s)
		}},
		{name: "to SQL", do: func(w *witness) {
			w.saw(w.ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.Where("id > ?", 1).Find(&[]Sailor{}) }))
			w.saw(w.ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.First(&Sailor{}, 1) }))
			w.saw(w.ToSQL(func(tx *gorm.DB) *gorm.DB {
				return tx.Model(&Ship{ID: 1}).Updates(map[string]any{"tons": 1, "name": "x"})
			}))
			w.saw(w.ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.Delete(&Sailor{}, 1) }))
		}},
		{name: "settings and instance settings", do: func(w *witness) {
			var s Sailor
			tx := w.Set("crew", 1).InstanceSet("own", 2).First(&s, 1)
			v, ok := tx.Get("crew")
			w.saw(v, ok)
			v, ok = tx.InstanceGet("own")
			w.saw(v, ok)
		}},
		{name: "find or initialise", do: func(w *witness) {
			var a, b, c Ship
			w.ran(w.FirstOrInit(&a, Ship{Name: "Argo"}), &a)
			w.ran(w.FirstOrInit(&b, Ship{Name: "Dove"}), &b)
			w.ran(w.Where(Ship{Name: "Erebus"}).Attrs(Ship{Tons: 5}).Assign(Ship{Tons: 6}).FirstOrInit(&c), &c)
			var d Ship
			w.ran(w.Where(Ship{ID: 1}).Assign(map[string]any{"tons": 6}).FirstOrInit(&d), &d)
		}},
		{name: "a statement of its own", do: func(w *witness) {
			stmt := &gorm.Statement{DB: w.DB}
			w.saw(stmt.Parse(&Sailor{}), stmt.Quote("a.b"), stmt.Schema.Table)
			w.saw(w.Statement.Quote(clause.Column{Table: "x", Name: "y"}), w.DB.Name())
			db, err := w.DB.DB()
			w.saw(err, db.PingContext(w.ctx))
		}},
		{name: "migrator", do: func(w *witness) {
			m := w.Migrator()
			w.saw(m.HasTable(&Sailor{}), m.HasTable("beards"), m.HasColumn(&Sailor{}, "Name"), m.HasColumn(&Sailor{}, "beard"))
			w.saw(m.HasIndex(&Sailor{}, "DeletedAt"))
			types, err := m.ColumnTypes(&Cargo{})
			for _, c := range types {
				w.saw(c.Name(), c.DatabaseTypeName())
			}
			w.saw(err)
		}},
	}
}
