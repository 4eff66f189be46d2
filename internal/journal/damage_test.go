package journal_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/journal"
)

// sample is a journal of records in memory, closed properly or not.
type sample struct {
	made    *journal.Journal
	options journal.Options
	files   map[string][]byte
	entries []entry
}

// newSample has n records in segments of a size. If closed, a mark ends it, as it does when a journal has nothing to do.
func newSample(tb testing.TB, n int, segment int64, closed bool) sample {
	tb.Helper()
	disk := newCrashFS()
	s := sample{options: journal.Options{Database: "shop", SegmentBytes: segment, SyncEvery: -1}}
	var err error
	s.made, err = journal.OpenOn(disk, s.options)
	require.NoError(tb, err)
	for i := range n {
		payload := fmt.Sprintf("%d: %x", i, i*i)
		var sequence uint64
		if i%10 == 8 { // not the last
			sequence, err = s.made.Append(tb.Context(), []byte(payload), journal.AckDisk)
		} else {
			sequence, err = s.made.Put([]byte(payload))
		}
		require.NoError(tb, err)
		s.entries = append(s.entries, entry{sequence, payload})
	}
	if closed {
		require.NoError(tb, s.made.Close(tb.Context()))
	} else {
		require.NoError(tb, s.made.Wait(tb.Context(), s.entries[n-1].sequence, journal.AckJournal))
		defer func() { require.NoError(tb, s.made.Close(context.Background())) }()
	}
	s.files = make(map[string][]byte)
	for name, file := range disk.kill().names {
		s.files[name] = file.seen
	}
	return s
}

// used is how many bytes at the beginning of a file are headers and frames.
func (s sample) used(name string) int {
	return (len(bytes.TrimRight(s.files[name], "\x00")) + 7) &^ 7
}

// last is the name of the last segment with frames.
func (s sample) last() string {
	var names []string
	for name := range s.files {
		if s.used(name) > journal.HeaderSize {
			names = append(names, name)
		}
	}
	return slices.Max(names)
}

// recover replays the journal with some files changed. A record that was not put like this is an error.
func (s sample) recover(changed map[string][]byte) (records int, found journal.Recovery, err error) {
	disk := newCrashFS()
	for name, content := range s.files {
		if other, ok := changed[name]; ok {
			content = other
		}
		// Writes of the recovery go to a copy: crashFS writes into the slice.
		disk.names[name] = &crashFile{seen: content, dirty: make(map[int][][]byte)}
	}
	disk.copyOnWrite = true
	j := journal.AdoptOn(disk, s.made, s.options)
	found, err = j.Replay(func(sequence uint64, payload []byte) error {
		if records == len(s.entries) || s.entries[records] != (entry{sequence, string(payload)}) {
			return errWrongRecord
		}
		records++
		return nil
	})
	return records, found, errors.Join(err, j.Close(context.Background()))
}

var errWrongRecord = errors.New("a record that was never put")

// everyBit asks for all bits instead of a sample: CACHEWRIGHT_JOURNAL_BITS=all.
var everyBit = os.Getenv("CACHEWRIGHT_JOURNAL_BITS") == "all"

// TestEveryFlippedBitIsDetected flips one bit at a time, in a journal of 1,000 records. By default it takes those of headers and
// of the first and last frames, and one of 61 of the others.
func TestEveryFlippedBitIsDetected(t *testing.T) {
	t.Parallel()
	s := newSample(t, 1000, 16<<10, true)
	flips, harmless := 0, 0
	for name, content := range s.files {
		used := s.used(name)
		for bit := range used * 8 {
			at := bit / 8
			edge := at < journal.HeaderSize+128 || at >= used-128
			if !everyBit && (!edge && bit%61 != 0 || (testing.Short() || raced) && bit%7 != 0) {
				continue
			}
			flips++
			damaged := bytes.Clone(content)
			damaged[at] ^= 1 << (bit % 8)
			records, _, err := s.recover(map[string][]byte{name: damaged})
			if err == nil {
				require.Equal(t, len(s.entries), records, "bit %d of %s", bit, name)
				require.GreaterOrEqual(t, at, used-journal.FrameHeader, "bit %d of %s was not noticed: not that of the last mark", bit, name)
				harmless++
				continue
			}
			require.NotErrorIs(t, err, errWrongRecord, "bit %d of %s", bit, name)
			require.Truef(t, errors.Is(err, journal.ErrCorrupt) || errors.Is(err, journal.ErrVersion), "bit %d of %s: %v", bit, name, err)
			var corrupt *journal.CorruptError
			require.ErrorAs(t, err, &corrupt, "bit %d of %s", bit, name)
			require.Equal(t, name, corrupt.File)
			require.LessOrEqual(t, corrupt.Offset, int64(at))
			require.Greater(t, corrupt.Offset+128, int64(at)-journal.HeaderSize)
		}
	}
	require.Positive(t, harmless)
	require.LessOrEqual(t, harmless, journal.FrameHeader*8, "the last mark carries nothing")
	t.Logf("%d flips", flips)
}

// TestEveryTornTailIsRecovered ends the last segment at every byte (with the race detector, at every fifth): by its end, with zeros, with what was there before it was
// recycled, and with noise.
func TestEveryTornTailIsRecovered(t *testing.T) {
	t.Parallel()
	s := newSample(t, 150, 4096, false)
	name := s.last()
	content, used := s.files[name], s.used(name)
	before := 0 // records in earlier segments
	first := binary.LittleEndian.Uint64(content[journal.HeaderSize+8:])
	for _, e := range s.entries {
		if e.sequence < first {
			before++
		}
	}
	require.Positive(t, before)
	noise := make([]byte, len(content))
	random := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	old := newSample(t, 150, 4096, false)
	step := 1
	if raced {
		step = 5
	}
	for at := journal.HeaderSize; at <= used; at += step {
		for how, torn := range map[string][]byte{
			"cut off":  content[:at],
			"zeros":    slices.Concat(content[:at], make([]byte, len(content)-at)),
			"recycled": slices.Concat(content[:at], old.files[name][at:]),
			"noise":    slices.Concat(content[:at], noise[at:]),
		} {
			// Frames are there whose bytes are: the last ones of a frame may be zeros, or the same as before.
			whole, end := before, journal.HeaderSize
			for end < used {
				kind := content[end+3]
				end += journal.FrameSize(int(binary.LittleEndian.Uint32(content[end+4:])))
				if !bytes.Equal(resized(torn, len(content))[:end], content[:end]) {
					break
				}
				if kind == 'r' {
					whole++
				}
			}
			records, _, err := s.recover(map[string][]byte{name: torn})
			require.NoErrorf(t, err, "%s at %d", how, at)
			require.Equalf(t, whole, records, "%s at %d", how, at)
		}
	}
}

// Nothing follows the last record but the mark that a journal with nothing to do writes: it tells damage from a torn tail.
func TestDamageToTheLastRecordIsDetectedOnceTheJournalIsIdle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := newCrashFS()
		j := openOn(t, disk, options())
		_, err := j.Append(t.Context(), []byte("the only record"), journal.AckDisk)
		require.NoError(t, err)
		synctest.Wait()
		s := sample{made: j, options: options(), entries: []entry{{1, "the only record"}}, files: make(map[string][]byte)}
		for name, file := range disk.kill().names {
			s.files[name] = file.seen
		}
		name := s.last()
		for at := range journal.FrameSize(len("the only record")) {
			damaged := bytes.Clone(s.files[name])
			damaged[journal.HeaderSize+at] ^= 4
			_, _, err := s.recover(map[string][]byte{name: damaged})
			require.ErrorIsf(t, err, journal.ErrCorrupt, "byte %d", at)
		}
		require.NoError(t, j.Close(t.Context()))
	})
}

func TestSegmentsThatAreMissingOrSwappedAreFoundOut(t *testing.T) {
	t.Parallel()
	s := newSample(t, 300, 4096, true)
	names := make([]string, 0, len(s.files))
	for name := range s.files {
		names = append(names, name)
	}
	slices.Sort(names)
	require.Greater(t, len(names), 3)

	swapped := map[string][]byte{names[1]: s.files[names[2]], names[2]: s.files[names[1]]}
	_, _, err := s.recover(swapped)
	var corrupt *journal.CorruptError
	require.ErrorAs(t, err, &corrupt)

	other := newSample(t, 300, 4096, true)
	_, _, err = s.recover(map[string][]byte{names[1]: other.files[names[1]]})
	require.ErrorAs(t, err, &corrupt, "of another journal")
	require.Equal(t, names[1], corrupt.File)

	fewer := sample{made: s.made, options: s.options, entries: s.entries, files: map[string][]byte{
		names[0]: s.files[names[0]], names[2]: s.files[names[2]],
	}}
	_, _, err = fewer.recover(nil)
	require.ErrorAs(t, err, &corrupt)
	require.Equal(t, names[1], corrupt.File)

	_, _, err = sample{made: s.made, options: s.options}.recover(nil)
	require.ErrorIs(t, err, journal.ErrCorrupt, "a journal has a segment")
}
