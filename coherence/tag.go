package coherence

import (
	"strconv"
	"strings"

	"github.com/cachewright/cachewright/internal/sqltext"
	"github.com/cachewright/cachewright/internal/switches"
)

// Tag names something cached entries are made from and writes change: a table, a row, a name of the application's own,
// a URL. Tags are small comparable values; two tags whose hashes meet cause needless misses, never a wrong hit.
//
// A tag reads and writes differently. Reading a row stands on that row and on the bulk writes of its table; writing it
// also moves everything that was made from the table as a whole.
//
//	tag        read stands on                            write moves
//	TableTag   any(table)                                rows(table), any(table)
//	RowTag     row, rows(table)                          row, any(table), untold(table, 0)
//	 .Told(n)  row, rows(table)                          row, any(table), untold(table, n)
//	 .Value    value, rows(table), untold(table, 0…n-1)  value
//	NamedTag   the name                                  the name
//	URLTag     the URL                                   the URL
//	everything all                                       all
//
// Value and Told are for queries that only rows with one value in a column can change, see [Tag.Value].
type Tag struct {
	kind  tagKind
	place uint8  // of a value its column's number, of a told row how many columns were told
	table uint64 // hash of the table; 0 for tags of no table
	own   uint64 // hash of the tag itself
}

type tagKind uint8

const (
	kindNone tagKind = iota // the zero Tag: stands for nothing, moves nothing
	kindTable
	kindRow
	kindNamed
	kindURL
	kindAll
	kindTold  // a row whose write tells the values of some columns
	kindValue // the rows with one value in a column
)

// TableTag is the tag of a whole table, named bare: case, quotes and a schema in front do not matter.
func TableTag(table string) Tag {
	h := hashString(seedTable, sqltext.Folded(table))
	return Tag{kind: kindTable, table: h, own: h}
}

// RowTag is the tag of one row by its primary key; the order of a key's parts does not matter, for structs over one table may
// have it in another order each. A part is compared by the text of what a
// driver would send for it, so 7, int64(7), "7" and a pointer to one of them are the same row, and so is a type of one's own
// over them, whatever its String method says; a 16-byte array is the UUID it spells.
func RowTag(table string, key ...any) Tag { return TableTag(table).Row(key...) }

// NamedTag is a tag of the application's own, for what does not come from a table.
func NamedTag(name string) Tag {
	return Tag{kind: kindNamed, own: hashString(seedNamed, name)}
}

// URLTag is the tag of the pages of one URL, in all variants. Scheme and host are compared in lower case; the rest as sent.
func URLTag(url string) Tag {
	return Tag{kind: kindURL, own: hashString(seedURL, foldURL(url))}
}

// Everything is the tag of all there is; a write of it is what InvalidateAll does.
func Everything() Tag { return Tag{kind: kindAll, own: seedAll} }

// Row is the tag of a row of the table that t names: the sum of its parts' hashes, so that their order does not matter. It spares hashing the table's name again; on another kind of tag it
// returns t.
func (t Tag) Row(key ...any) Tag {
	if t.kind != kindTable {
		return t
	}
	h := uint64(0)
	for _, part := range key {
		h += hashPart(t.table^seedRow, keyText(part))
	}
	return Tag{kind: kindRow, table: t.table, own: h}
}

// RowText is Row for a key whose parts are text already.
func (t Tag) RowText(key ...string) Tag {
	if t.kind != kindTable {
		return t
	}
	h := uint64(0)
	for _, part := range key {
		h += hashPart(t.table^seedRow, part)
	}
	return Tag{kind: kindRow, table: t.table, own: h}
}

// Table is the tag of the table a row or a value belongs to, and t itself for other tags.
func (t Tag) Table() Tag {
	switch t.kind {
	case kindRow, kindTold, kindValue:
		return Tag{kind: kindTable, table: t.table, own: t.table}
	}
	return t
}

// Hash is the tag's 64-bit name, the same in every process.
func (t Tag) Hash() uint64 { return mix(t.own ^ uint64(t.kind) ^ uint64(t.place)<<8) }

// String shows the kind and the hash; names and keys are not kept.
func (t Tag) String() string {
	return [...]string{"none", "table", "row", "named", "url", "everything", "told", "value"}[t.kind] + ":" + strconv.FormatUint(t.Hash(), 16)
}

// reads calls yield with the hashes that a read of t stands on.
func (t Tag) reads(yield func(hash uint64)) {
	switch t.kind {
	case kindTable:
		yield(t.table ^ seedAny)
	case kindRow, kindTold:
		yield(t.own)
		yield(t.table ^ seedRows)
	case kindValue:
		yield(t.own)
		yield(t.table ^ seedRows)
		for n := range t.place {
			yield(t.untold(n))
		}
	case kindNamed, kindURL:
		yield(t.own)
	}
}

// writes calls yield with the hashes that a write of t moves.
func (t Tag) writes(yield func(hash uint64)) {
	switch t.kind {
	case kindTable:
		yield(t.table ^ seedRows)
		yield(t.table ^ seedAny)
	case kindRow, kindTold:
		yield(t.own)
		yield(t.table ^ seedAny)
		if switches.On(switches.UntoldMoves) {
			yield(t.untold(t.place))
		}
	case kindValue:
		if switches.On(switches.ValueMoves) {
			yield(t.own)
		}
	case kindNamed, kindURL, kindAll:
		yield(t.own)
	}
}

const (
	seedTable uint64 = 0x9ae16a3b2f90404f
	seedNamed uint64 = 0xc3a5c85c97cb3127
	seedURL   uint64 = 0xb492b66fbe98f273
	seedAll   uint64 = 0x2127599bf4325c37
	seedRow   uint64 = 0x880355f21e6d1965
	seedRows  uint64 = 0x5bd1e995a4c5b7e1
	seedAny   uint64 = 0x94d049bb133111eb
	seedValue uint64 = 0xbf58476d1ce4e5b9
	seedTold  uint64 = 0xd6e8feb86659fd93
)

// hashString is FNV-1a over s, then mixed so that every bit of the text reaches every bit of the hash.
func hashString(h uint64, s string) uint64 {
	for i := range len(s) {
		h ^= uint64(s[i])
		h *= 0x100000001b3
	}
	return mix(h)
}

// hashPart hashes one part of a key with its length, so that ("a","bc") and ("ab","c") differ.
func hashPart(h uint64, s string) uint64 {
	return hashString(mix(h^uint64(len(s))), s)
}

// mix is a bijection of 64 bits that leaves no bit where it was (two rounds of xor-shift and multiply).
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	h ^= h >> 33
	return h
}

// foldURL lower-cases scheme and host.
func foldURL(url string) string {
	i := strings.Index(url, "://")
	if i < 0 {
		return url
	}
	end := len(url)
	if j := strings.IndexAny(url[i+3:], "/?#"); j >= 0 {
		end = i + 3 + j
	}
	return strings.ToLower(url[:end]) + url[end:]
}
