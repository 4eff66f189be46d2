package cacheplugin_test

import (
	"database/sql/driver"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/cachewright/cachewright/internal/testkit"
)

// asked is an argument that counts how often it is asked for its value.
type asked struct {
	value int64
	times *int
}

func (a asked) Value() (driver.Value, error) {
	*a.times++
	return a.value, nil
}

func TestAnArgumentIsAskedForItsValueAsOftenAsWithoutThePlugin(t *testing.T) {
	t.Parallel()
	eachTagged(t, func(t *testing.T, c *cached) {
		writes := map[string]func(db *gorm.DB, price asked) error{
			"by key": func(db *gorm.DB, price asked) error {
				return db.Model(c.with(Ware{ID: 1})).Update("price", gorm.Expr("?", price)).Error
			},
			"of unknown rows": func(db *gorm.DB, price asked) error {
				return db.Model(c.new()).Where("name = ?", "ware").Update("price", gorm.Expr("?", price)).Error
			},
			"that returns": func(db *gorm.DB, price asked) error {
				return db.Model(c.with(Ware{ID: 1})).Clauses(clause.Returning{}).Update("price", gorm.Expr("?", price)).Error
			},
			"raw that returns": func(db *gorm.DB, price asked) error {
				return db.Raw("UPDATE wares SET price = ? WHERE id = 1 RETURNING id", price).Scan(new(int64)).Error
			},
		}
		if c.database.Name == "mysql" { // has no UPDATE … RETURNING
			delete(writes, "that returns")
			delete(writes, "raw that returns")
		}
		for name, write := range writes {
			var plain, with int
			require.NoError(t, write(c.plain, asked{10, &plain}), name)
			require.NoError(t, write(c.DB, asked{99, &with}), name)
			require.Equal(t, plain, with, name)
			require.EqualValues(t, 99, c.price(t, 1), name)
		}
	})
}

func TestAnArgumentWhoseTypeTheDriverKnowsReachesItAsItIs(t *testing.T) {
	t.Parallel()
	c := openCached(t, testkit.PostgresDatabase(t), setups()[1])
	require.NoError(t, c.Model(c.with(Ware{ID: 1})).Update("name", gorm.Expr("?::text || (?::text[])[2]", "b", textArray{"x", "y"})).Error)
	require.Equal(t, "by", c.read(t, c.DB, 1).Name)
}

// textArray has a Value that is of no use, and the methods by which pgx encodes an array.
type textArray []string

func (textArray) Value() (driver.Value, error) { return "no array", nil }
func (a textArray) Dimensions() []pgtype.ArrayDimension {
	return []pgtype.ArrayDimension{{Length: int32(len(a)), LowerBound: 1}}
}
func (a textArray) Index(i int) any { return a[i] }
func (a textArray) IndexType() any  { return "" }
