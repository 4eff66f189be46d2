package coherence

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Tags cross processes as
//
//	byte 0     format
//	per tag    its kind: one byte
//	8 bytes    hash of the table, for a table and a row, little endian
//	8 bytes    hash of the tag itself, for all but a table and everything
//
// The numbers of the kinds are part of the format.
const (
	wireFormat = 1

	wireTable byte = 1
	wireRow   byte = 2
	wireNamed byte = 3
	wireURL   byte = 4
	wireAll   byte = 5
)

// MaxWireTags is how many tags [AppendTags] spends on one write: past it, rows become their tables, and past that everything.
const MaxWireTags = 256

var errWire = errors.New("coherence: tags in an unknown form")

// AppendTags appends the tags to dst in the form in which they cross processes. Values are left out, for their rows say more
// to others than they do; of very many tags the rows are told as their tables.
func AppendTags(dst []byte, tags []Tag) []byte {
	dst = append(dst, wireFormat)
	for _, t := range bounded(known(tags)) {
		switch t.kind {
		case kindTable:
			dst = binary.LittleEndian.AppendUint64(append(dst, wireTable), t.table)
		case kindRow:
			dst = binary.LittleEndian.AppendUint64(append(dst, wireRow), t.table)
			dst = binary.LittleEndian.AppendUint64(dst, t.own)
		case kindNamed:
			dst = binary.LittleEndian.AppendUint64(append(dst, wireNamed), t.own)
		case kindURL:
			dst = binary.LittleEndian.AppendUint64(append(dst, wireURL), t.own)
		case kindAll:
			dst = append(dst, wireAll)
		}
	}
	return dst
}

// ParseTags reads what [AppendTags] wrote, of any release that this one knows.
func ParseTags(b []byte) ([]Tag, error) {
	if len(b) == 0 || b[0] != wireFormat {
		return nil, errWire
	}
	tags := make([]Tag, 0, len(b)/17)
	next := func() (n uint64) {
		n = binary.LittleEndian.Uint64(b)
		b = b[8:]
		return n
	}
	for b = b[1:]; len(b) > 0; {
		kind := b[0]
		b = b[1:]
		if need := wireSize(kind); need < 0 || len(b) < need {
			return nil, fmt.Errorf("%w: kind %d with %d bytes left", errWire, kind, len(b))
		}
		switch kind {
		case wireTable:
			table := next()
			tags = append(tags, Tag{kind: kindTable, table: table, own: table})
		case wireRow:
			table := next()
			tags = append(tags, Tag{kind: kindRow, table: table, own: next()})
		case wireNamed:
			tags = append(tags, Tag{kind: kindNamed, own: next()})
		case wireURL:
			tags = append(tags, Tag{kind: kindURL, own: next()})
		case wireAll:
			tags = append(tags, Everything())
		}
	}
	return tags, nil
}

// wireSize is how many bytes follow the kind, -1 for an unknown one.
func wireSize(kind byte) int {
	switch kind {
	case wireAll:
		return 0
	case wireTable, wireNamed, wireURL:
		return 8
	case wireRow:
		return 16
	default:
		return -1
	}
}

// bounded are the tags if they are few; else tables in place of their rows; else everything.
func bounded(tags []Tag) []Tag {
	if len(tags) <= MaxWireTags {
		return tags
	}
	seen := make(map[Tag]struct{}, MaxWireTags)
	var few []Tag
	for _, t := range tags {
		t = t.Table()
		if _, ok := seen[t]; ok {
			continue
		}
		if len(few) == MaxWireTags {
			return []Tag{Everything()}
		}
		seen[t] = struct{}{}
		few = append(few, t)
	}
	return few
}
