package storetest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/store"
)

// concurrencyClauses are about many goroutines. They say most under the race detector.
var concurrencyClauses = []clause{
	{"values are whole and under their own key", func(t testing.TB, s store.Store) {
		const workers, keys, rounds = 8, 5, 200
		var problems problems
		parallel(workers, func(worker int) {
			for round := range rounds {
				key := fmt.Sprint("key ", (worker+round)%keys)
				var err error
				switch {
				case round%17 == 0:
					err = s.Delete(background(), key)
				case (worker+round/keys)%2 == 0:
					err = s.Set(background(), key, stampedValue(key, worker*rounds+round), 0)
				default:
					var value []byte
					if value, err = s.Get(background(), key); err == nil {
						err = checkStamp(key, value)
					} else if errors.Is(err, store.ErrNotFound) {
						err = nil
					}
				}
				problems.add(err)
			}
		})
		problems.require(t)
	}},
	{"a Get that starts after a Set sees it", func(t testing.TB, s store.Store) {
		const readers, rounds = 4, 300
		var problems problems
		var written atomic.Int64 // the number that was stored when Set last returned
		parallel(readers+1, func(worker int) {
			if worker == 0 {
				for n := int64(1); n <= rounds; n++ {
					problems.add(s.Set(background(), "counter", binary.BigEndian.AppendUint64(nil, uint64(n)), 0))
					written.Store(n)
				}
				return
			}
			for written.Load() < rounds {
				least := written.Load()
				value, err := s.Get(background(), "counter")
				if errors.Is(err, store.ErrNotFound) && least == 0 {
					continue
				}
				if err == nil {
					if got := int64(binary.BigEndian.Uint64(value)); got < least {
						err = fmt.Errorf("read %d after %d was stored", got, least)
					}
				}
				if problems.add(err) {
					return
				}
			}
		})
		problems.require(t)
	}},
	{"a Get that starts after a Delete does not see what was deleted", func(t testing.TB, s store.Store) {
		const workers, rounds = 4, 100
		var problems problems
		parallel(workers, func(worker int) {
			key := fmt.Sprint("key ", worker)
			for range rounds {
				problems.add(s.Set(background(), key, []byte(key), 0))
				problems.add(s.Delete(background(), key))
				if _, err := s.Get(background(), key); !errors.Is(err, store.ErrNotFound) {
					problems.add(fmt.Errorf("reading after Delete: %v", err))
				}
			}
		})
		problems.require(t)
	}},
}

// parallel runs work in n goroutines and waits for them.
func parallel(n int, work func(worker int)) {
	var group sync.WaitGroup
	for worker := range n {
		group.Go(func() { work(worker) })
	}
	group.Wait()
}

// problems collects errors of goroutines, which must not end a test themselves.
type problems struct {
	mu    sync.Mutex
	first error // guarded by mu
	count int   // guarded by mu
}

// add notes err and reports whether it was one.
func (p *problems) add(err error) bool {
	if err == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.first == nil {
		p.first = err
	}
	p.count++
	return true
}

func (p *problems) require(t testing.TB) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	require.NoError(t, p.first, "first of %d errors", p.count)
}

// stampedValue is a value that checkStamp recognises: key and number, many times.
func stampedValue(key string, number int) []byte {
	return []byte(strings.Repeat(fmt.Sprintf("%s=%d;", key, number), 1+number%100))
}

func checkStamp(key string, value []byte) error {
	unit, _, _ := strings.Cut(string(value), ";")
	var number int
	if _, err := fmt.Sscanf(unit, key+"=%d", &number); err != nil {
		return fmt.Errorf("under %q a value of another key: %s", key, brief(string(value)))
	}
	if want := stampedValue(key, number); string(want) != string(value) {
		return fmt.Errorf("under %q parts of several values: %s", key, brief(string(value)))
	}
	return nil
}
