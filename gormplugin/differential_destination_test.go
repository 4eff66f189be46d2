package cacheplugin_test

import (
	"context"
	"database/sql"
	"time"

	"gorm.io/gorm"
)

// small is a part of a sailor, tagged one with other names for it.
type (
	small  struct{ ID, Name string }
	tagged struct {
		Key  int64  `gorm:"column:id"`
		Call string `gorm:"column:name"`
		Gone *time.Time
	}
	figures struct {
		Age   int64
		N     int64
		Total float64
		Best  *float64
	}
	withShip struct {
		Sailor
		ShipName string
	}
)

// destinationTrials read into everything GORM takes.
func destinationTrials() []trial {
	return []trial{
		found("smaller struct", func(w *witness, d *small) *gorm.DB { return w.Model(&Sailor{}).First(d, 1) }),
		found("smaller structs", func(w *witness, d *[]small) *gorm.DB { return w.Model(&Sailor{}).Order("id").Find(d) }),
		found("smaller, tagged", func(w *witness, d *[]*tagged) *gorm.DB { return w.Model(&Sailor{}).Order("id").Scan(d) }),
		found("struct around the model", func(w *witness, d *[]withShip) *gorm.DB {
			return w.Model(&Sailor{}).Select("sailors.*, ships.name AS ship_name").Joins("LEFT JOIN ships ON ships.id = sailors.ship_id").Order("sailors.id").Find(d)
		}),
		found("table into small", func(w *witness, d *[]small) *gorm.DB { return w.Table("sailors").Order("id").Find(d) }),
		found("array", func(w *witness, d *[2]Sailor) *gorm.DB { return w.Order("id").Find(d) }),
		found("long array", func(w *witness, d *[9]Ship) *gorm.DB { return w.Order("id").Find(d) }),
		found("array by key", func(w *witness, d *[2]Ship) *gorm.DB { return w.Find(d, 2) }),
		found("array of pointers", func(w *witness, d *[2]*Ship) *gorm.DB { return w.Order("id").Find(d) }),
		found("map", func(w *witness, d *map[string]any) *gorm.DB { return w.Model(&Sailor{}).First(d, 1) }),
		found("map of a locker", func(w *witness, d *map[string]any) *gorm.DB { return w.Model(&Locker{}).Take(d, 1) }),
		found("map of a locker without model", func(w *witness, d *map[string]any) *gorm.DB { return w.Table("lockers").Where("id = ?", 1).Take(d) }),
		found("map of a chest", func(w *witness, d *map[string]any) *gorm.DB { return w.Model(&Chest{}).Take(d, 1) }),
		found("map of none", func(w *witness, d *map[string]any) *gorm.DB { return w.Model(&Sailor{}).First(d, 99) }),
		found("maps", func(w *witness, d *[]map[string]any) *gorm.DB { return w.Model(&Sailor{}).Order("id").Find(d) }),
		found("maps of lockers", func(w *witness, d *[]map[string]any) *gorm.DB { return w.Table("lockers").Order("id").Find(d) }),
		{name: "map given by value", do: func(w *witness) {
			d := map[string]any{"old": 1}
			w.ran(w.Model(&Ship{}).Take(d, 1), &d)
		}},
		reused("maps full", func() []map[string]any { return []map[string]any{{"a": 1}} },
			func(w *witness, d *[]map[string]any) *gorm.DB { return w.Model(&Ship{}).Order("id").Find(d) }),
		found("pointer to a pointer", func(w *witness, d **Sailor) *gorm.DB { return w.First(d, 1) }),
		found("pointer to a nil pointer", func(w *witness, d **Ship) *gorm.DB { return w.First(d, 99) }),
		found("interface", func(w *witness, d *any) *gorm.DB { return w.Model(&Ship{}).Select("name").Take(d, 1) }),
		found("int", func(w *witness, d *int) *gorm.DB { return w.Model(&Sailor{}).Select("age").Where("id = ?", 1).Find(d) }),
		found("scan int", func(w *witness, d *int64) *gorm.DB { return w.Model(&Sailor{}).Select("sum(age)").Scan(d) }),
		found("scan string", func(w *witness, d *string) *gorm.DB {
			return w.Model(&Sailor{}).Select("name").Order("id").Limit(1).Scan(d)
		}),
		found("scan NULL into int", func(w *witness, d *int) *gorm.DB {
			return w.Model(&Sailor{}).Select("captain_id").Where("id = 1").Scan(d)
		}),
		found("scan NULL into a pointer", func(w *witness, d **int) *gorm.DB {
			return w.Model(&Sailor{}).Select("captain_id").Where("id = 1").Scan(d)
		}),
		found("scan time", func(w *witness, d *time.Time) *gorm.DB {
			return w.Model(&Sailor{}).Select("born").Where("id = 1").Scan(d)
		}),
		found("find time", func(w *witness, d *time.Time) *gorm.DB {
			return w.Model(&Sailor{}).Select("born").Where("id = 1").Find(d)
		}),
		found("find NullString", func(w *witness, d *sql.NullString) *gorm.DB {
			return w.Model(&Locker{}).Select("ns").Where("id = 2").Find(d)
		}),
		found("find bytes", func(w *witness, d *[]byte) *gorm.DB {
			return w.Model(&Locker{}).Select("bytes").Where("id = 1").Find(d)
		}),
		found("find scanner", func(w *witness, d *Kilos) *gorm.DB { return w.Model(&Chest{}).Select("weight").Where("id = 1").Find(d) }),
		found("find text as a number", func(w *witness, d *int) *gorm.DB { return w.Model(&Sailor{}).Select("name").Where("id = 1").Find(d) }),
		found("scan aggregates", func(w *witness, d *[]figures) *gorm.DB {
			return w.Model(&Sailor{}).Select("age, count(*) AS n, sum(wage) AS total, max(wage) AS best").Group("age").Having("count(*) > ?", 0).Order("age").Scan(d)
		}),
		found("find aggregates", func(w *witness, d *[]figures) *gorm.DB {
			return w.Model(&Sailor{}).Select("age, count(*) AS n, avg(wage) AS total").Group("age").Order("age").Find(d)
		}),
		found("aggregates as maps", func(w *witness, d *[]map[string]any) *gorm.DB {
			return w.Model(&Sailor{}).Select("age, count(*) AS n, avg(wage) AS mean, min(born) AS eldest").Group("age").Order("age").Find(d)
		}),
		found("pluck", func(w *witness, d *[]string) *gorm.DB { return w.Model(&Sailor{}).Order("id").Pluck("name", d) }),
		found("pluck ints", func(w *witness, d *[]int64) *gorm.DB { return w.Model(&Sailor{}).Order("id").Pluck("age", d) }),
		found("pluck keys", func(w *witness, d *[]uint) *gorm.DB { return w.Model(&Sailor{}).Order("id").Pluck("id", d) }),
		found("pluck key of one", func(w *witness, d *[]uint) *gorm.DB { return w.Model(&Sailor{}).Where("id = ?", 1).Pluck("ID", d) }),
		found("pluck times", func(w *witness, d *[]time.Time) *gorm.DB { return w.Model(&Locker{}).Order("id").Pluck("t", d) }),
		found("pluck NULLs", func(w *witness, d *[]*uint) *gorm.DB { return w.Model(&Sailor{}).Order("id").Pluck("captain_id", d) }),
		found("pluck NULLs into numbers", func(w *witness, d *[]uint) *gorm.DB { return w.Model(&Sailor{}).Order("id").Pluck("captain_id", d) }),
		found("pluck NullInt64s", func(w *witness, d *[]sql.NullInt64) *gorm.DB {
			return w.Model(&Sailor{}).Order("id").Pluck("captain_id", d)
		}),
		found("pluck anything", func(w *witness, d *[]any) *gorm.DB { return w.Model(&Sailor{}).Order("id").Pluck("wage", d) }),
		found("pluck bytes", func(w *witness, d *[][]byte) *gorm.DB { return w.Model(&Locker{}).Order("id").Pluck("bytes", d) }),
		found("pluck scanners", func(w *witness, d *[]Kilos) *gorm.DB { return w.Model(&Chest{}).Order("id").Pluck("weight", d) }),
		found("pluck json", func(w *witness, d *[]string) *gorm.DB { return w.Model(&Chest{}).Order("id").Pluck("list", d) }),
		found("pluck structs", func(w *witness, d *[]Ship) *gorm.DB { return w.Model(&Ship{}).Order("id").Pluck("name", d) }),
		found("pluck distinct", func(w *witness, d *[]int) *gorm.DB { return w.Model(&Sailor{}).Distinct().Order("age").Pluck("age", d) }),
		found("pluck an expression", func(w *witness, d *[]string) *gorm.DB {
			return w.Model(&Sailor{}).Order("id").Pluck("name || '!' AS loud", d)
		}),
		found("pluck nothing", func(w *witness, d *[]string) *gorm.DB { return w.Model(&Sailor{}).Where("id > 99").Pluck("name", d) }),
		found("pluck the unknown", func(w *witness, d *[]string) *gorm.DB { return w.Model(&Sailor{}).Pluck("beard", d) }),
		found("count", func(w *witness, d *int64) *gorm.DB { return w.Model(&Sailor{}).Count(d) }),
		found("count by key", func(w *witness, d *int64) *gorm.DB { return w.Model(&Sailor{}).Where("id = ?", 1).Count(d) }),
		found("count by model", func(w *witness, d *int64) *gorm.DB { return w.Model(&Sailor{Model: gorm.Model{ID: 1}}).Count(d) }),
		found("count distinct", func(w *witness, d *int64) *gorm.DB { return w.Model(&Sailor{}).Distinct("age").Count(d) }),
		found("count groups", func(w *witness, d *int64) *gorm.DB { return w.Model(&Sailor{}).Group("age").Count(d) }),
		found("count selected", func(w *witness, d *int64) *gorm.DB { return w.Model(&Sailor{}).Select("captain_id").Count(d) }),
		found("count a table", func(w *witness, d *int64) *gorm.DB { return w.Table("loglines").Count(d) }),
		{name: "count, then find with one handle", do: func(w *witness) {
			var (
				n   int64
				all []Sailor
			)
			tx := w.Model(&Sailor{}).Where("age > ?", 20).Order("id")
			w.ran(tx.Count(&n), &n)
			w.ran(tx.Limit(2).Find(&all), &all)
		}},
		{name: "batches", do: func(w *witness) {
			var s []Sailor
			w.ran(w.FindInBatches(&s, 2, func(tx *gorm.DB, batch int) error {
				w.ran(tx, &s, batch)
				return nil
			}), &s)
		}},
		{name: "batches with a condition and a limit", do: func(w *witness) {
			var s []Ship
			w.ran(w.Where("tons > ?", 50).Limit(2).FindInBatches(&s, 1, func(tx *gorm.DB, batch int) error {
				w.ran(tx, &s, batch)
				return nil
			}), &s)
		}},
		{name: "rows", do: func(w *witness) {
			rows, err := w.Model(&Sailor{}).Order("id").Rows()
			if w.saw(err); err != nil {
				return
			}
			for rows.Next() {
				var s Sailor
				w.saw(w.ScanRows(rows, &s), &s)
			}
			w.saw(rows.Err(), rows.Close())
		}},
		{name: "rows scanned by hand", do: func(w *witness) {
			rows, err := w.Table("lockers").Select("id, s, t, bytes, ps").Order("id").Rows()
			if w.saw(err); err != nil {
				return
			}
			columns, err := rows.Columns()
			w.saw(columns, err)
			for rows.Next() {
				var id, s, t, bytes, ps any
				w.saw(rows.Scan(&id, &s, &t, &bytes, &ps), id, s, t, bytes, ps)
			}
			w.saw(rows.Err(), rows.Close())
		}},
		{name: "row", do: func(w *witness) {
			var name string
			var age int
			w.saw(w.Model(&Sailor{}).Select("name", "age").Where("id = ?", 1).Row().Scan(&name, &age), name, age)
			w.saw(w.Model(&Sailor{}).Select("name", "age").Where("id = ?", 99).Row().Scan(&name, &age))
		}},
		found("raw", func(w *witness, d *[]Sailor) *gorm.DB {
			return w.Raw("SELECT * FROM sailors WHERE age > ? ORDER BY id", 20).Scan(d)
		}),
		found("raw find", func(w *witness, d *[]Sailor) *gorm.DB {
			return w.Raw("SELECT * FROM sailors WHERE age > ? ORDER BY id", 20).Find(d)
		}),
		found("raw first", func(w *witness, d *Sailor) *gorm.DB { return w.Raw("SELECT * FROM sailors WHERE id = ?", 1).First(d) }),
		found("raw map", func(w *witness, d *[]map[string]any) *gorm.DB {
			return w.Raw("SELECT * FROM ships ORDER BY id").Scan(d)
		}),
		found("raw named", func(w *witness, d *int) *gorm.DB {
			return w.Raw("SELECT age FROM sailors WHERE id = @id", sql.Named("id", 1)).Scan(d)
		}),
		{name: "nil destination", do: func(w *witness) { w.ran(w.First(nil, 1)) }},
		{name: "nil pointer", do: func(w *witness) { w.ran(w.First((*Sailor)(nil), 1)) }},
		{name: "no pointer", do: func(w *witness) { w.ran(w.Find(Ship{}, 1)) }},
		{name: "no model", do: func(w *witness) {
			var n int
			w.ran(w.Find(&n))
		}},
		{name: "generic", do: func(w *witness) {
			ctx := w.ctx
			s, err := gorm.G[Sailor](w.DB).Where("id = ?", 1).First(ctx)
			w.saw(&s, err)
			ships, err := gorm.G[Ship](w.DB).Order("id").Find(ctx)
			w.saw(&ships, err)
			n, err := gorm.G[Ship](w.DB).Where("tons > ?", 200).Count(ctx, "*")
			w.saw(&n, err)
			s, err = gorm.G[Sailor](w.DB).Preload("Parrots", nil).Where("id = ?", 2).Take(ctx)
			w.saw(&s, err)
			_, err = gorm.G[Sailor](w.DB).Where("id = ?", 99).Last(ctx)
			w.saw(err)
			d, err := gorm.G[Sailor](w.DB).Select("name").Where("id < ?", 3).Order("id").Find(ctx)
			w.saw(&d, err)
			raw, err := gorm.G[small](w.DB).Raw("SELECT id, name FROM sailors ORDER BY id").Find(ctx)
			w.saw(&raw, err)
		}},
		{name: "generic with result", do: func(w *witness) {
			result := gorm.WithResult()
			s, err := gorm.G[Sailor](w.DB, result).Where("id = ?", 1).First(w.ctx)
			w.saw(&s, err, result.RowsAffected, result.Result == nil)
			all, err := gorm.G[Ship](w.DB, result).Where("id > ?", 1).Order("id").Find(w.ctx)
			w.saw(&all, err, result.RowsAffected)
			_, err = gorm.G[Ship](w.DB, result).Where("id = ?", 77).First(w.ctx)
			w.saw(err, result.RowsAffected)
		}},
		{name: "generic batches and rows", do: func(w *witness) {
			w.saw(gorm.G[Ship](w.DB).FindInBatches(w.ctx, 2, func(data []Ship, batch int) error {
				w.saw(data, batch)
				return nil
			}))
			rows, err := gorm.G[Ship](w.DB).Order("id").Rows(w.ctx)
			if w.saw(err); err == nil {
				w.saw(rows.Next(), rows.Close(), rows.Err())
			}
			var name string
			w.saw(gorm.G[Ship](w.DB).Select("name").Where("id = ?", 2).Scan(w.ctx, &name), name)
			w.saw(gorm.G[Ship](w.DB).Select("name").Where("id = ?", 2).Row(w.ctx).Scan(&name), name)
		}},
		{name: "ended context", do: func(w *witness) {
			ctx, cancel := context.WithCancel(w.ctx)
			cancel()
			var (
				s   Sailor
				all []Ship
				n   int64
			)
			w.ran(w.WithContext(ctx).First(&s, 1), &s)
			w.ran(w.WithContext(ctx).Order("id").Find(&all), &all)
			w.ran(w.WithContext(ctx).Model(&Ship{}).Count(&n), &n)
			w.ran(w.First(&s, 1), &s)
		}},
		{name: "context past its deadline", do: func(w *witness) {
			ctx, cancel := context.WithTimeout(w.ctx, -time.Second)
			defer cancel()
			var s Ship
			w.ran(w.WithContext(ctx).First(&s, 1), &s)
		}},
	}
}
