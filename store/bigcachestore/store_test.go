package bigcachestore_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/store"
	"github.com/cachewright/cachewright/store/bigcachestore"
	"github.com/cachewright/cachewright/store/storetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, mebibytes := range []int64{8, 64} {
		t.Run(fmt.Sprint(mebibytes, " MiB"), func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, func(t testing.TB) store.Store { return open(t, mebibytes) }, storetest.WithBubble())
		})
	}
}

func TestNewBoundsMemory(t *testing.T) {
	t.Parallel()
	for memory, message := range map[int64]string{
		math.MinInt64:               "below the minimum of 1048576 (1 MiB)",
		-1:                          "below the minimum of 1048576 (1 MiB)",
		0:                           "below the minimum of 1048576 (1 MiB)",
		bigcachestore.MinMemory - 1: "memory of 1048575 bytes is below the minimum of 1048576 (1 MiB)",
		bigcachestore.MaxMemory + 1: fmt.Sprintf("above the maximum of %d", int64(bigcachestore.MaxMemory)),
		math.MaxInt64:               fmt.Sprintf("above the maximum of %d", int64(bigcachestore.MaxMemory)),
	} {
		s, err := bigcachestore.New(memory)
		require.ErrorContains(t, err, message)
		require.Nil(t, s)
	}
}

func TestMemoryDecidesTheLargestEntry(t *testing.T) {
	t.Parallel()
	const slack = 1 << 10
	for _, row := range []struct{ mebibytes, largest int64 }{
		{1, 256 << 10},
		{2, 512 << 10},
		{8, 2 << 20},
		{15, 3840 << 10}, // too little for two shards
		{64, 2 << 20},
		{4 << 10, 2 << 20},
		{64 << 10, 32 << 20},
	} {
		if row.mebibytes<<20 > bigcachestore.MaxMemory {
			continue // on 32 bits
		}
		s := open(t, row.mebibytes)
		require.LessOrEqual(t, int64(s.MaxEntry()), row.largest, "%d MiB", row.mebibytes)
		require.Greater(t, int64(s.MaxEntry()), row.largest-slack, "%d MiB", row.mebibytes)
		require.Equal(t, row.mebibytes<<20, s.Stats().Limit)
	}
}

func TestPartOfAMebibyteIsNotUsed(t *testing.T) {
	t.Parallel()
	s, err := bigcachestore.New(3<<20 - 1)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.EqualValues(t, 2<<20, s.Stats().Limit)
}

func TestManyLifetimesAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, s := context.Background(), open(t, 8)
		for minutes := range 100 {
			ttl := time.Duration(minutes) * time.Minute
			require.NoError(t, s.Set(ctx, fmt.Sprint(minutes), []byte{byte(minutes)}, ttl))
		}
		for passed := range 100 {
			for minutes := range 100 {
				value, err := s.Get(ctx, fmt.Sprint(minutes))
				if minutes != 0 && minutes <= passed {
					require.ErrorIs(t, err, store.ErrNotFound, "%d after %d minutes", minutes, passed)
					continue
				}
				require.NoError(t, err, "%d after %d minutes", minutes, passed)
				require.Equal(t, []byte{byte(minutes)}, value)
			}
			<-time.After(time.Minute)
		}
	})
}

func TestAValueIsThereToTheLastNanosecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, s := context.Background(), open(t, 1)
		require.NoError(t, s.Set(ctx, "key", []byte("value"), time.Second))
		<-time.After(time.Second - 1)
		_, err := s.Get(ctx, "key")
		require.NoError(t, err)
		<-time.After(1)
		_, err = s.Get(ctx, "key")
		require.ErrorIs(t, err, store.ErrNotFound)
	})
}

// TestNothingIsPrinted runs itself again and looks at what that process wrote.
func TestNothingIsPrinted(t *testing.T) {
	t.Parallel()
	const variable = "CACHEWRIGHT_PRINT_TEST"
	if os.Getenv(variable) == "" {
		self, err := os.Executable()
		require.NoError(t, err)
		command := exec.CommandContext(t.Context(), self, "-test.run=^TestNothingIsPrinted$")
		command.Env = append(os.Environ(), variable+"=1")
		printed, err := command.CombinedOutput()
		require.NoError(t, err, "%s", printed)
		require.Regexp(t, `^PASS\n(coverage: .*\n)?$`, string(printed))
		return
	}
	ctx, cancel := context.WithCancel(t.Context())
	s := open(t, 1)
	for i := range 10_000 {
		require.NoError(t, s.Set(ctx, fmt.Sprint(i), make([]byte, 1000), 0))
	}
	require.ErrorIs(t, s.Set(ctx, "large", make([]byte, 1<<20), 0), store.ErrTooLarge)
	cancel()
	require.NoError(t, s.Close())
}
