package coherence

import (
	"context"

	"github.com/cachewright/cachewright/internal/switches"
)

// MaxColumns is how many columns of a table values can be told of.
const MaxColumns = 8

// Value is the tag of the rows of the table t that hold a value in a column. A query whose condition fixes the column, so that
// no row with another value can be in its answer, may stand on it in place of the table: then writes of other rows leave it
// alone. On another kind of tag, and for a place out of range, it returns t, which is right and coarser.
//
// Columns that queries are narrowed on are numbered as they come, from 1 to [MaxColumns], in each engine for itself, and a number
// is never used for another column; place is this column's. A write that knows of the first n columns announces its row as
// [Tag.Told](n), and beside it the Value of every value its row had or has in each of these n columns. What it cannot tell it
// does not say: as a plain row it moves the queries of all columns. So a write that was planned before a column came, and ends
// after the first query on it, moves that query, without either knowing of the other.
//
// text must be equal for equal values; NULL equals nothing and has no tag.
func (t Tag) Value(column, text string, place int) Tag {
	if t.kind != kindTable || place < 1 || place > MaxColumns {
		return t
	}
	return Tag{kind: kindValue, place: uint8(place), table: t.table, own: hashPart(hashPart(t.table^seedValue, column), text)}
}

// Told is the tag of the row t in a write that is announced together with the values which the row had and has in the first n
// columns that queries are narrowed on. To readers it is the row. On another kind of tag, and for an n out of range, it
// returns t.
func (t Tag) Told(n int) Tag {
	if t.kind != kindRow || n < 1 || n > MaxColumns {
		return t
	}
	t.kind, t.place = kindTold, uint8(n)
	return t
}

// Untold is the plain tag of a row that was Told, and t itself for other tags.
func (t Tag) Untold() Tag {
	if t.kind == kindTold {
		t.kind, t.place = kindRow, 0
	}
	return t
}

// Before is [Cache.Get] for a writer that asks what a row held before: it counts as no read, and only what is valid now is found.
// While a transaction that has changed a row holds its lock, and has not been announced yet, a row found here is the row as
// everybody else sees it, and stays so until COMMIT. With a backplane nothing is found: a write of another process may be committed
// and not yet heard of.
func (c *Cache) Before(ctx context.Context, key string) (value []byte, ok bool) {
	if !c.engine.Ready() || c.engine.lease.Load() != nil {
		return nil, false
	}
	b, err := c.store.Get(ctx, key)
	if err != nil {
		c.failed(ctx, err)
		return nil, false
	}
	stamps, payload, ours, err := splitEntry(b, &c.engine.epoch)
	if err != nil || !ours || !c.engine.words.holdRaw(stamps) && switches.On(switches.OldValueChecked) {
		return nil, false
	}
	return payload, true
}

// untold is the hash of the word that writes of the table move when they tell the values of the first n columns only.
func (t Tag) untold(n uint8) uint64 { return mix(t.table^seedTold) + uint64(n) }

// known are the tags as they are told to others, to whom the numbers of columns say nothing: a row whose values were told
// is a plain row, and values, which never come alone, are left out.
func known(tags []Tag) []Tag {
	told := make([]Tag, 0, len(tags))
	for _, t := range tags {
		if t.kind != kindValue {
			told = append(told, t.Untold())
		}
	}
	return told
}
