package cacheplugin_test

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// Locker has a column of every kind that needs nothing but database/sql.
type Locker struct {
	ID    int64
	I8    int8
	I16   int16
	I32   int32
	U8    uint8
	U32   uint32
	U64   uint64
	F32   float32
	F64   float64
	B     bool
	S     string
	Short string `gorm:"size:8"`
	Fixed string `gorm:"type:char(6)"`
	Bytes []byte
	T     time.Time
	Price float64 `gorm:"type:numeric(10,2)"`
	PI    *int64
	PS    *string
	PB    *bool
	PF    *float64
	PT    *time.Time
	NS    sql.NullString
	NI    sql.NullInt64
	NB    sql.NullBool
	NF    sql.NullFloat64
	NT    sql.NullTime
	G     sql.Null[int16]
	Made  int64 `gorm:"autoCreateTime"`
	Moved int64 `gorm:"autoUpdateTime:milli"`
}

// Chest has custom types, serializers and embedded structs.
type Chest struct {
	ID     int64
	Mood   Mood
	Grade  Grade
	Weight Kilos
	Heavy  *Kilos
	Marks  Marks
	Notes  map[string]any `gorm:"serializer:json"`
	List   []string       `gorm:"serializer:json"`
	Secret Spot           `gorm:"serializer:gob;type:bytes"`
	Sealed int64          `gorm:"serializer:unixtime;type:time"`
	Where  Spot           `gorm:"embedded;embeddedPrefix:where_"`
	To     *Spot          `gorm:"embedded;embeddedPrefix:to_"`
	Inner
}

// Inner is embedded without a name.
type Inner struct {
	Depth int64
	Lid   *string
}

// Spot is embedded and serialised.
type Spot struct {
	X, Y int64
}

// Mood is a named string, Grade a named number with a String method.
type (
	Mood  string
	Grade int32
)

func (g Grade) String() string { return fmt.Sprintf("grade %d", int32(g)) }

// Kilos is stored as text with its unit.
type Kilos int64

func (k *Kilos) Scan(v any) error {
	var text string
	switch v := v.(type) {
	case string:
		text = v
	case []byte:
		text = string(v)
	case nil:
		*k = -1
		return nil
	default:
		return fmt.Errorf("no weight: %T", v)
	}
	if _, err := fmt.Sscanf(text, "%dkg", (*int64)(k)); err != nil {
		return errors.New("no weight: " + text)
	}
	return nil
}

func (k Kilos) Value() (driver.Value, error) { return fmt.Sprintf("%dkg", int64(k)), nil }

// GormDataType is what AutoMigrate makes of it.
func (Kilos) GormDataType() string { return "text" }

// Marks are words in one column.
type Marks []string

func (m *Marks) Scan(v any) error {
	switch v := v.(type) {
	case string:
		*m = strings.Split(v, ",")
	case []byte:
		*m = strings.Split(string(v), ",")
	case nil:
		*m = nil
	default:
		return fmt.Errorf("no marks: %T", v)
	}
	return nil
}

func (m Marks) Value() (driver.Value, error) {
	if m == nil {
		return nil, nil
	}
	return strings.Join(m, ","), nil
}

// GormDataType is what AutoMigrate makes of it.
func (Marks) GormDataType() string { return "text" }

// Loose is text that compares unlike its bytes: without case on SQLite, padded on PostgreSQL.
type Loose string

// GormDBDataType is what AutoMigrate makes of it.
func (Loose) GormDBDataType(db *gorm.DB, _ *schema.Field) string {
	if db.Name() == "sqlite" {
		return "text COLLATE NOCASE"
	}
	return "char(8)"
}

// Rope has such a key.
type Rope struct {
	Name   Loose `gorm:"primaryKey"`
	Length int64
}

// ptr is a pointer to the value.
func ptr[T any](v T) *T { return &v }

// day is noon of a day long ago.
func day(n int) time.Time { return time.Date(2001, 2, n, 12, 30, 15, 123456000, time.UTC) }
