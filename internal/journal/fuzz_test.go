package journal_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/journal"
)

// FuzzRecovery changes a journal of several segments in every way that 7 bytes can say, again and again: whatever is there,
// recovery hands over only records that were put, in order and from the first on, or reports an error; and what it
// has recovered once is there once more, with what was put since.
func FuzzRecovery(f *testing.F) {
	change := func(how byte, file byte, at, from uint16, n byte) []byte {
		b := []byte{how, file}
		b = binary.LittleEndian.AppendUint16(b, at)
		b = binary.LittleEndian.AppendUint16(b, from)
		return append(b, n)
	}
	f.Add([]byte{})
	f.Add(change('x', 0, 600, 0, 1))    // one bit of a frame
	f.Add(change('x', 1, 100, 0, 1))    // of a header
	f.Add(change('0', 2, 900, 0, 255))  // zeros
	f.Add(change('c', 2, 700, 512, 48)) // a frame where another was
	f.Add(change('e', 2, 800, 0, 0))    // a shorter file
	f.Add(change('m', 1, 0, 0, 0))      // a file that is missing
	f.Add(slices.Concat(change('0', 2, 720, 0, 24), change('c', 2, 760, 512, 255)))
	s := newSample(f, 240, 4096, false)
	names := slices.Sorted(func(yield func(string) bool) {
		for name := range s.files {
			if !yield(name) {
				return
			}
		}
	})
	f.Fuzz(func(t *testing.T, changes []byte) {
		files := make(map[string][]byte)
		for name, content := range s.files {
			files[name] = bytes.Clone(content)
		}
		for ; len(changes) >= 7; changes = changes[7:] {
			name := names[int(changes[1])%len(names)]
			b := files[name]
			if len(b) == 0 {
				continue
			}
			at, from := int(binary.LittleEndian.Uint16(changes[2:]))%len(b), int(binary.LittleEndian.Uint16(changes[4:]))%len(b)
			n := int(changes[6])
			switch changes[0] {
			case 'x':
				b[at] ^= changes[6]
			case '0':
				clear(b[at:min(at+n, len(b))])
			case 'c':
				copy(b[at:], bytes.Clone(b[from:min(from+n, len(b))]))
			case 'e':
				files[name] = b[:at]
			case 'm':
				delete(files, name)
			default:
				copy(b[at:], changes[4:7])
			}
		}
		disk := newCrashFS()
		for name, content := range files {
			disk.names[name] = &crashFile{seen: content, dirty: make(map[int][][]byte)}
		}
		j := journal.AdoptOn(disk, s.made, s.options)
		var got []entry
		_, err := j.Replay(func(sequence uint64, payload []byte) error {
			got = append(got, entry{sequence, string(payload)})
			return nil
		})
		if len(got) > 0 { // segments that are missing at the beginning may have been recycled
			first := slices.Index(s.entries, got[0])
			require.GreaterOrEqual(t, first, 0, "a record that was never put")
			require.LessOrEqual(t, first+len(got), len(s.entries))
			require.Equal(t, s.entries[first:first+len(got)], got)
		}
		if err != nil {
			require.NoError(t, j.Close(t.Context()))
			return
		}
		sequence, err := j.Append(t.Context(), []byte("since"), journal.AckDisk)
		require.NoError(t, err)
		require.NoError(t, j.Close(t.Context()))
		again := journal.AdoptOn(disk, s.made, s.options)
		entries, _ := replayed(t, again)
		require.Equal(t, append(got, entry{sequence, "since"}), entries)
		require.NoError(t, again.Close(t.Context()))
	})
}
