package writeback_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/writeback"
)

func TestARecordIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	for _, v := range []any{
		nil, int64(0), int64(math.MinInt64), int64(math.MaxInt64), 0.1, math.Inf(-1), true, false, "", "text",
		[]byte{},
		[]byte{0, 255},
		time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 7, 1, 12, 0, 0, 999999999, time.FixedZone("", -3*3600-1800)),
	} {
		b, err := writeback.AppendValue(nil, v)
		require.NoError(t, err)
		back, err := writeback.ReadValue(b)
		require.NoError(t, err)
		if at, ok := v.(time.Time); ok {
			require.True(t, at.Equal(back.(time.Time)))
			require.Equal(t, at.Format(time.RFC3339Nano), back.(time.Time).Format(time.RFC3339Nano))
			continue
		}
		require.Equal(t, v, back)
	}
	_, err := writeback.AppendValue(nil, struct{}{})
	require.ErrorIs(t, err, writeback.ErrChange)
}

// FuzzReadRecord: whatever the bytes are, reading them ends, and what is taken for a record is written as it was read.
func FuzzReadRecord(f *testing.F) {
	for _, seed := range writeback.SomeRecords() {
		f.Add(seed)
		f.Add(seed[:len(seed)-1])
		f.Add(append(seed, 0))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		again, ok := writeback.Rewrite(payload)
		if !ok {
			return
		}
		twice, ok := writeback.Rewrite(again)
		require.True(t, ok)
		require.Equal(t, again, twice)
	})
}
