package cacheplugin_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
	"github.com/cachewright/cachewright/policy"
)

// edge is a write whose rows the plugin has to find out about.
type edge struct {
	name     string
	postgres bool // only there
	write    func(t *testing.T, c *cached) error
}

func run(sql ...string) func(*testing.T, *cached) error {
	return func(_ *testing.T, c *cached) error {
		for _, text := range sql {
			if err := c.Exec(text).Error; err != nil {
				return err
			}
		}
		return nil
	}
}

func scan(sql string) func(*testing.T, *cached) error {
	return func(_ *testing.T, c *cached) error { return c.Raw(sql).Scan(&[]int64{}).Error }
}

func edges() []edge {
	another := clause.OnConflict{Columns: []clause.Column{{Name: "name"}}, DoUpdates: clause.AssignmentColumns([]string{"price"})}
	return []edge{
		{name: "several statements in a string", write: run("UPDATE wares SET price = 98 WHERE id = 1; UPDATE wares SET price = 97 WHERE id = 2")},
		{name: "a comment before", write: run("/* SELECT */ -- nothing\nUPDATE wares SET price = 99")},
		{name: "a quoted name", write: run(`UPDATE "wares" SET "price" = 99`)},
		{name: "a name of the schema", postgres: true, write: run(`UPDATE public."wares" SET price = 99`)},
		{name: "a subquery", write: run("UPDATE wares SET price = (SELECT max(price) + 1 FROM wares) WHERE id IN (SELECT id FROM wares)")},
		{name: "insert from a select", write: run("INSERT INTO wares (id, name, price) SELECT id + 100, 'copy ' || id, price FROM wares")},
		{name: "replace", write: func(t *testing.T, c *cached) error {
			if c.database.Name == "postgres" {
				return run("INSERT INTO wares (id, price) VALUES (1, 99) ON CONFLICT (id) DO UPDATE SET price = excluded.price")(t, c)
			}
			return run("REPLACE INTO wares (id, price) VALUES (1, 99)")(t, c)
		}},
		{name: "returning, scanned", write: scan("UPDATE wares SET price = 99 WHERE id = 1 RETURNING id")},
		{name: "a CTE that writes", postgres: true, write: scan("WITH w AS (UPDATE wares SET price = 99 RETURNING id) SELECT id FROM w")},
		{name: "a CTE that writes behind another", postgres: true, write: scan("WITH a AS (SELECT 1), w AS (DELETE FROM wares WHERE id = 1 RETURNING id) SELECT id FROM w")},
		{name: "a CTE before a write", write: run("WITH big AS (SELECT id FROM wares WHERE price > 15) UPDATE wares SET price = 99 WHERE id IN (SELECT id FROM big)")},
		{name: "truncate", postgres: true, write: run("TRUNCATE wares CASCADE")},
		{name: "copy", postgres: true, write: run("COPY wares (id, name, price) FROM PROGRAM 'printf ''50\\tcopied\\t5\\n'''")},
		{name: "an anonymous block", postgres: true, write: run("DO $$ BEGIN UPDATE wares SET price = 99; END $$")},
		{name: "a function that writes", postgres: true, write: run(
			"CREATE FUNCTION raise() RETURNS bigint LANGUAGE sql AS 'UPDATE wares SET price = 99 RETURNING id'", "SELECT raise()")},
		{name: "merge", postgres: true, write: run("MERGE INTO wares w USING (SELECT 1 AS id) s ON w.id = s.id WHEN MATCHED THEN UPDATE SET price = 99")},
		{name: "a prepared statement of the server", postgres: true, write: func(_ *testing.T, c *cached) error {
			return c.Connection(func(db *gorm.DB) error {
				db = db.Session(&gorm.Session{})
				if err := db.Exec("PREPARE raise AS UPDATE wares SET price = 99").Error; err != nil {
					return err
				}
				return db.Exec("EXECUTE raise").Error
			})
		}},
		{name: "through a view", postgres: true, write: run("CREATE VIEW cheap AS SELECT * FROM wares WHERE price < 15", "UPDATE cheap SET price = 14")},
		{name: "an upsert that hits another key", write: func(t *testing.T, c *cached) error {
			require.NoError(t, c.Clauses(another).Create(c.with(Ware{ID: 77, Name: "ware 1", Price: 99})).Error)
			return nil
		}},
		{name: "a batch of upserts that hit another key", write: func(_ *testing.T, c *cached) error {
			return c.Table("wares").Clauses(another).Create([]map[string]any{{"id": 77, "name": "ware 1", "price": 99}, {"id": 78, "name": "ware 2", "price": 98}}).Error
		}},
		{name: "an update of the key", write: func(_ *testing.T, c *cached) error {
			return c.Model(c.with(Ware{ID: 1})).Updates(map[string]any{"id": 50, "price": 99}).Error
		}},
		{name: "keys that change places", write: run("UPDATE wares SET id = -id WHERE id IN (1, 2)", "UPDATE wares SET id = 3 + id WHERE id < 0")},
		{name: "a trigger of another table", write: func(t *testing.T, c *cached) error {
			trigger := []string{"CREATE TRIGGER touch AFTER INSERT ON parts BEGIN UPDATE wares SET price = 99 WHERE id = NEW.ware_id; END"}
			if c.database.Name == "postgres" {
				trigger = []string{
					"CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN UPDATE wares SET price = 99 WHERE id = NEW.ware_id; RETURN NULL; END'",
					"CREATE TRIGGER touch AFTER INSERT ON parts FOR EACH ROW EXECUTE FUNCTION touch()",
				}
			}
			require.NoError(t, run(trigger...)(t, c))
			c.warm(t)
			return c.Create(&Part{WareID: 1}).Error
		}},
		{name: "a column more", write: func(_ *testing.T, c *cached) error {
			return c.Exec("ALTER TABLE wares ADD COLUMN extra bigint DEFAULT 5").Error
		}},
		{name: "a column renamed by the Migrator", write: func(_ *testing.T, c *cached) error {
			if err := c.Migrator().RenameColumn("wares", "price", "cost"); err != nil {
				return err
			}
			return run("ALTER TABLE wares ADD COLUMN price bigint DEFAULT 3")(nil, c)
		}},
		{name: "the table dropped and made again by the Migrator", write: func(_ *testing.T, c *cached) error {
			if err := c.Migrator().DropTable(&Part{}, &Ware{}); err != nil {
				return err
			}
			return c.Migrator().CreateTable(&Ware{}, &Part{})
		}},
		{name: "another table takes the name", write: func(_ *testing.T, c *cached) error {
			if err := c.Exec("CREATE TABLE spare AS SELECT * FROM wares WHERE id = 2").Error; err != nil {
				return err
			}
			if err := c.Migrator().RenameTable("wares", "old"); err != nil {
				return err
			}
			return c.Migrator().RenameTable("spare", "wares")
		}},
	}
}

func TestWritesThatAreHardToSeeAreSeen(t *testing.T) {
	t.Parallel()
	for _, e := range edges() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			testkit.EachDatabase(t, func(t *testing.T, database testkit.Database) {
				if e.postgres && database.Name != "postgres" {
					t.Skip("SQLite has no such statement")
				}
				c := openCached(t, database, setups()[1])
				require.NoError(t, c.plain.Exec("UPDATE wares SET name = 'ware ' || id").Error)
				require.NoError(t, c.plain.Exec("CREATE UNIQUE INDEX one_name ON wares (name)").Error)
				c.warm(t)
				require.NoError(t, e.write(t, c))
				var want, got []Ware
				plainly := database.Open(t, nil) // which has prepared nothing before
				require.NoError(t, plainly.Order("id").Find(&want).Error)
				list := c.list()
				forgetPlans(func() error { return c.WithContext(cacheplugin.Bypass(t.Context())).Order("id").Find(c.list()).Error })
				require.NoError(t, c.Order("id").Find(list).Error)
				got = c.wares(list)
				forgetPlans(func() error { return c.WithContext(cacheplugin.Bypass(t.Context())).Take(c.new(), 1).Error })
				require.Equal(t, want, got)
				for id := range int64(120) {
					var plain Ware
					with := c.new()
					wantErr, err := plainly.Take(&plain, id).Error, c.Take(with, id).Error
					require.Equal(t, wantErr, err, id)
					require.Equal(t, plain.Price, with.ware().Price, id)
				}
			})
		})
	}
}

// forgetPlans reads until no connection has a plan from before DDL: PostgreSQL refuses these once, with the plugin or without.
func forgetPlans(read func() error) {
	for range 20 {
		var state interface{ SQLState() string }
		if err := read(); !errors.As(err, &state) || state.SQLState() != "0A000" {
			return
		}
	}
}

// Parcel is a table in parts.
type Parcel struct {
	ID     int64 `gorm:"primaryKey"`
	Region int64 `gorm:"primaryKey"`
	Weight int64
}

func TestAPartitionIsAsFreshAsItsTable(t *testing.T) {
	t.Parallel()
	database := testkit.PostgresDatabase(t)
	db := database.Open(t, nil)
	usePlugin(t, db, cacheplugin.WithDefaultPolicy(policy.Policy{Strategy: policy.WriteThrough}))
	for _, sql := range []string{
		"CREATE TABLE parcels (id bigint, region bigint, weight bigint, PRIMARY KEY (id, region)) PARTITION BY LIST (region)",
		"CREATE TABLE parcels_one PARTITION OF parcels FOR VALUES IN (1)", "CREATE TABLE parcels_two PARTITION OF parcels FOR VALUES IN (2)",
		"INSERT INTO parcels VALUES (1, 1, 10), (2, 2, 20)",
	} {
		require.NoError(t, db.Exec(sql).Error)
	}
	weights := func(table string) (all []int64) {
		require.NoError(t, db.Table(table).Order("id").Pluck("weight", &all).Error)
		return all
	}
	for range 2 {
		require.Equal(t, []int64{10, 20}, weights("parcels"))
		require.Equal(t, []int64{10}, weights("parcels_one"))
	}
	require.NoError(t, db.Model(&Parcel{ID: 1, Region: 1}).Update("weight", 11).Error)
	require.Equal(t, []int64{11}, weights("parcels_one"))
	require.NoError(t, db.Exec("UPDATE parcels_one SET weight = 12").Error)
	require.Equal(t, []int64{12, 20}, weights("parcels"))
	require.NoError(t, db.Exec("UPDATE parcels SET region = 2 WHERE id = 1").Error)
	require.Empty(t, weights("parcels_one"))
	require.NoError(t, db.WithContext(context.Background()).First(&Parcel{}, "id = ? AND region = ?", 1, 2).Error)
	require.NoError(t, db.Exec("ALTER TABLE parcels DETACH PARTITION parcels_two").Error)
	require.Empty(t, weights("parcels"))
	require.ErrorIs(t, db.First(&Parcel{}, "id = ? AND region = ?", 1, 2).Error, gorm.ErrRecordNotFound)
}
