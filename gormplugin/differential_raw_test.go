package cacheplugin_test

import (
	"database/sql"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// rawTrials write in SQL, and with hooks.
func rawTrials() []trial {
	exec := func(name, query string, args ...any) trial {
		return trial{name: name, do: func(w *witness) { w.ran(w.Exec(query, args...)) }}
	}
	scan := func(name, query string, args ...any) trial {
		return trial{name: name, do: func(w *witness) {
			var d []map[string]any
			w.ran(w.Raw(query, args...).Scan(&d), &d)
		}}
	}
	return []trial{
		exec("update", "UPDATE ships SET tons = ? WHERE id = ?", 5, 1),
		exec("update of all", "UPDATE ships SET tons = tons + 1"),
		exec("update, named", "UPDATE ships SET tons = @tons WHERE id = @id", sql.Named("tons", 5), map[string]any{"id": 1}),
		exec("insert", "INSERT INTO ships (id, name, tons) VALUES (?, ?, ?)", 61, "Dove", 3),
		exec("insert what is there", "INSERT INTO ships (id, name, tons) VALUES (?, ?, ?)", 1, "Dove", 3),
		exec("insert from a query", "INSERT INTO loglines (day, text) SELECT id, name FROM ships"),
		exec("upsert", "INSERT INTO tongues (code, name) VALUES ('en', 'new') ON CONFLICT (code) DO UPDATE SET name = excluded.name"),
		exec("delete", "DELETE FROM coins WHERE worth > ?", 5),
		exec("delete with a list", "DELETE FROM coins WHERE id IN ?", []int{1, 2}),
		exec("a table name as an argument", "UPDATE ? SET tons = 1", clause.Table{Name: "ships"}),
		exec("with", "WITH heavy AS (SELECT id FROM ships WHERE tons > 200) UPDATE ships SET tons = 0 WHERE id IN (SELECT id FROM heavy)"),
		exec("nonsense", "UPDATE ships SETT tons = 1"),
		exec("an unknown table", "UPDATE beards SET tons = 1"),
		exec("a select", "SELECT * FROM ships"),
		exec("a comment only", "-- nothing"),
		scan("update returning", "UPDATE ships SET tons = tons * 2 WHERE id < ? RETURNING id, tons", 3),
		scan("insert returning", "INSERT INTO coins (face, worth, owner_id, owner_type) VALUES ('x', 1, 1, 'none') RETURNING *"),
		scan("delete returning", "DELETE FROM coins WHERE id = 1 RETURNING id, face"),
		scan("update returning none", "UPDATE ships SET tons = 1 WHERE id = 99 RETURNING id"),
		scan("update returning, refused", "UPDATE ships SET name = 'Argo' WHERE id = 2 RETURNING id"),
		{name: "update returning, as one row", do: func(w *witness) {
			var tons int64
			w.saw(w.Raw("UPDATE ships SET tons = tons + 1 WHERE id = 1 RETURNING tons").Row().Scan(&tons), tons)
			w.saw(w.Raw("UPDATE ships SET tons = tons + 1 WHERE id = 99 RETURNING tons").Row().Scan(&tons), tons)
		}},
		{name: "update returning, as rows", do: func(w *witness) {
			rows, err := w.Raw("UPDATE ships SET tons = tons + 1 WHERE id < 3 RETURNING id, name, tons").Rows()
			if w.saw(err); err != nil {
				return
			}
			columns, err := rows.Columns()
			w.saw(columns, err)
			var all []Ship
			for rows.Next() {
				var s Ship
				w.saw(w.ScanRows(rows, &s))
				all = append(all, s)
			}
			w.saw(rows.Err(), rows.Close(), len(all))
		}},
		{name: "update returning, into a model by First", do: func(w *witness) {
			var s Ship
			w.ran(w.Raw("UPDATE ships SET tons = 9 WHERE id = 1 RETURNING *").First(&s), &s)
			w.ran(w.First(&s, 1), &s)
		}},
		{name: "a sailor by hand", do: func(w *witness) {
			w.ran(w.Exec("UPDATE sailors SET deleted_at = NULL WHERE id = 5"))
			w.ran(w.Exec("UPDATE sailors SET deleted_at = ? WHERE id = 1", day(3)))
		}},
		{name: "past GORM through db.DB()", do: func(w *witness) {
			db, err := w.DB.DB()
			w.saw(err)
			var n int
			w.saw(db.QueryRowContext(w.ctx, "SELECT count(*) FROM ships").Scan(&n), n)
		}},
		{name: "through the statement's pool", do: func(w *witness) {
			pool := w.Statement.ConnPool
			if _, prepared := pool.(*gorm.PreparedStmtDB); prepared {
				return // what a prepared statement does when it is run by hand is past the plugin
			}
			result, err := pool.ExecContext(w.ctx, "UPDATE ships SET tons = 4 WHERE id = 1")
			w.saw(err)
			n, err := result.RowsAffected()
			w.saw(n, err)
			var tons int
			w.saw(pool.QueryRowContext(w.ctx, "SELECT tons FROM ships WHERE id = 1").Scan(&tons), tons)
		}},
		{name: "hooks that write, in a transaction that is given up", do: func(w *witness) {
			w.saw(w.Transaction(func(tx *gorm.DB) error {
				w.ran(tx.Create(&Voyage{ID: 60, Name: "far"}))
				v := Voyage{ID: 1}
				w.ran(tx.Model(&v).Update("days", 9), &v)
				return errChanged
			}))
			var all []Voyage
			w.ran(w.Order("id").Find(&all), &all)
		}},
		{name: "hooks that write, for several", do: func(w *witness) {
			v := []Voyage{{Name: "a"}, {Name: "b", Days: 2}}
			w.ran(w.Create(&v), &v)
			var all []Voyage
			w.ran(w.Order("id").Find(&all), &all)
			w.ran(w.Save(&v[1]), &v[1])
			w.ran(w.Delete(&v))
			w.ran(w.Order("id").Find(&all), &all)
		}},
		{name: "a hook that refuses one of several", do: func(w *witness) {
			v := []Voyage{{Name: "a"}, {Name: "cursed"}}
			w.ran(w.Create(&v), &v)
			w.ran(w.Session(&gorm.Session{SkipHooks: true}).Create(&Voyage{Name: "cursed"}))
		}},
		{name: "a table made, filled and dropped", do: func(w *witness) {
			w.ran(w.Exec("CREATE TABLE knots (id integer PRIMARY KEY, name text)"))
			w.ran(w.Exec("INSERT INTO knots VALUES (1, 'reef')"))
			var d []map[string]any
			for range 2 {
				w.ran(w.Table("knots").Find(&d), &d)
			}
			w.ran(w.Exec("ALTER TABLE knots ADD COLUMN strength integer"))
			d = nil
			w.ran(w.Table("knots").Find(&d), &d)
			w.saw(w.Migrator().DropTable("knots"))
			w.ran(w.Table("knots").Find(&d))
		}},
	}
}
