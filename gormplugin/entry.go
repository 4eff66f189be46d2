package cacheplugin

import (
	"errors"

	"github.com/cachewright/cachewright/internal/rowset"
)

// The value of a cache entry is one byte that says what follows, then an encoded answer.
const (
	entryAnswer byte = 'R'
	entryAbsent byte = 'A'
)

// absent is the entry of a row that is not there.
var absent = []byte{entryAbsent}

var errEntry = errors.New("cacheplugin: corrupt entry")

// answerEntry is the entry of an answer as it was captured.
func answerEntry(data []byte) []byte {
	return append(append(make([]byte, 0, len(data)+1), entryAnswer), data...)
}

// rowEntry is the entry of the one row the iterator stands on.
func rowEntry(v rowset.View, it rowset.Iterator) ([]byte, error) {
	b, err := rowset.NewBuilderLike(v)
	if err != nil {
		return nil, err
	}
	if err := b.AppendRow(it); err != nil {
		return nil, err
	}
	return answerEntry(b.Bytes()), nil
}

// openEntry splits an entry. gone means: no such row.
func openEntry(b []byte) (data []byte, gone bool, err error) {
	switch {
	case len(b) == 1 && b[0] == entryAbsent:
		return nil, true, nil
	case len(b) > 1 && b[0] == entryAnswer:
		return b[1:], false, nil
	default:
		return nil, false, errEntry
	}
}
