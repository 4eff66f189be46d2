package journal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/journal"
)

// told is what a workload was told by a journal.
type told struct {
	payloads map[uint64][]byte // by sequence
	live     map[uint64]bool   // put or replayed, and not released
	sure     uint64            // the last that was acknowledged for the disk
	handed   uint64            // the last that was acknowledged for the operating system
}

func newTold() *told { return &told{payloads: make(map[uint64][]byte), live: make(map[uint64]bool)} }

func (w *told) clone() *told {
	return &told{payloads: maps.Clone(w.payloads), live: maps.Clone(w.live), sure: w.sure, handed: w.handed}
}

// work puts records of all sizes, with all levels, and releases most of them, until it is through or the journal fails.
func (w *told) work(ctx context.Context, j *journal.Journal, random *rand.Rand, n int) error {
	for range n {
		payload := make([]byte, random.IntN(1200))
		for i := range payload {
			payload[i] = byte(random.Uint32())
		}
		sequence, err := j.Put(payload)
		if err != nil {
			return err
		}
		w.payloads[sequence], w.live[sequence] = payload, true
		ack := journal.Ack(random.IntN(3))
		if err := j.Wait(ctx, sequence, ack); err != nil {
			return err
		}
		if ack >= journal.AckJournal {
			w.handed = sequence
		}
		if ack == journal.AckDisk {
			w.sure = sequence
		}
		for old := range sequence {
			if w.live[old] && old+3 < sequence && random.IntN(3) > 0 {
				delete(w.live, old)
				j.Release(old)
			}
		}
	}
	return nil
}

// check compares what a journal yields with what was told: every record from the oldest live to the last that is sure, and
// of the others, before and behind, as many as follow each other. Afterwards what was yielded is what is expected.
func (w *told) check(j *journal.Journal, sure uint64) (journal.Recovery, error) {
	yielded := make(map[uint64][]byte)
	var first, last uint64
	found, err := j.Replay(func(sequence uint64, payload []byte) error {
		if sequence <= last {
			return fmt.Errorf("record %d after %d", sequence, last)
		}
		if put, ok := w.payloads[sequence]; !ok || !bytes.Equal(put, payload) {
			return fmt.Errorf("record %d was never put like this", sequence)
		}
		if first == 0 {
			first = sequence
		}
		last = sequence
		yielded[sequence] = bytes.Clone(payload)
		return nil
	})
	if err != nil {
		return found, err
	}
	oldest := sure + 1
	for sequence := range w.live {
		oldest = min(oldest, sequence)
	}
	for sequence := range w.payloads {
		_, ok := yielded[sequence]
		switch {
		case ok:
		case sequence > first && sequence < last:
			return found, fmt.Errorf("record %d is missing between %d and %d", sequence, first, last)
		case sequence >= oldest && sequence <= sure:
			return found, fmt.Errorf("record %d is lost: %d is live, and %d was sure", sequence, oldest, sure)
		}
	}
	w.payloads, w.live, w.sure, w.handed = yielded, make(map[uint64]bool), last, last
	for sequence := range yielded {
		w.live[sequence] = true
	}
	return found, nil
}

// failAt has the power fail at a step.
func failAt(at int) func(int, string, string) error {
	return func(step int, _, _ string) error {
		if step >= at {
			return errPowerLost
		}
		return nil
	}
}

// survivors is what is left of a folder: for choice 0 what was synced, for 1 everything, else at random.
func survivors(disk *crashFS, random *rand.Rand, choice int) *crashFS {
	switch choice {
	case 0:
		return disk.forget()
	case 1:
		return disk.kill()
	default:
		return disk.reboot(random)
	}
}

// TestNothingSureIsLostWhereverThePowerFails has the power fail at every call of a workload that changes something on disk,
// and at every such call of the recovery after it, with several choices of what survives of what was not synced.
func TestNothingSureIsLostWhereverThePowerFails(t *testing.T) {
	t.Parallel()
	choices, workloads := 6, uint64(3)
	if testing.Short() || raced {
		choices, workloads = 3, 1
	}
	var crashes, torn int
	for workload := range workloads {
		steps := 0
		for lost := true; lost; {
			steps++
			for choice := range choices {
				run := powerRun{workload: workload, step: steps, choice: choice}
				require.NoErrorf(t, run.do(t.Context()), "%+v", run)
				lost = run.lost
				crashes += run.crashes
				torn += run.torn
			}
		}
		require.Greater(t, steps, 60, "the workload has that many calls")
	}
	require.Positive(t, torn)
	t.Logf("%d crashes, %d torn tails", crashes, torn)
}

// powerRun is a workload whose power fails at a step, and what comes after.
type powerRun struct {
	workload     uint64
	step, choice int

	lost          bool // the step was reached
	crashes, torn int
}

func (r *powerRun) do(ctx context.Context) error {
	w, disk := newTold(), newCrashFS()
	made, err := journal.OpenOn(disk, options())
	if err != nil {
		return err
	}
	disk.before = failAt(disk.steps + r.step)
	err = w.work(ctx, made, rand.New(rand.NewPCG(r.workload, 0)), 40)
	if closed := made.Close(ctx); err == nil {
		err = closed
	}
	r.lost = disk.lost
	switch {
	case err == nil: // the power failed after the last sync, if at all
		w.sure = made.Stats().Last
	case !r.lost || !errors.Is(err, journal.ErrFailed):
		return fmt.Errorf("the power was lost: %v; and the workload ended with %w", r.lost, err)
	}
	random := rand.New(rand.NewPCG(r.workload, uint64(r.step)))
	left := survivors(disk, random, r.choice)
	sure := w.sure
	if r.choice == 1 {
		sure = max(sure, w.handed) // the process ended, not the machine
	}
	if err := r.recoverTwice(ctx, w, left, made, sure, random); err != nil {
		return err
	}
	return r.recoverAndGoOn(ctx, w, left, made, sure, random)
}

// recoverTwice has the power fail at each call of the recovery in turn, and recovers again.
func (r *powerRun) recoverTwice(ctx context.Context, w *told, left *crashFS, made *journal.Journal, sure uint64, random *rand.Rand) error {
	for step := 1; ; step++ {
		disk := left.kill() // a copy
		disk.before = failAt(step)
		first := journal.AdoptOn(disk, made, options())
		_, err := w.clone().check(first, sure)
		if closed := first.Close(ctx); err == nil && closed == nil && !disk.lost {
			return nil
		}
		if !disk.lost {
			return fmt.Errorf("recovery, without another loss: %w", err)
		}
		r.crashes++
		second := journal.AdoptOn(survivors(disk, random, r.choice), made, options())
		if _, err = w.clone().check(second, sure); err != nil {
			return fmt.Errorf("recovery after one that was cut short at its call %d: %w", step, err)
		}
		if err := second.Close(ctx); err != nil {
			return err
		}
	}
}

// recoverAndGoOn recovers, puts more, loses the power at a random call, and recovers.
func (r *powerRun) recoverAndGoOn(ctx context.Context, w *told, left *crashFS, made *journal.Journal, sure uint64, random *rand.Rand) error {
	disk := left.kill()
	again := journal.AdoptOn(disk, made, options())
	found, err := w.check(again, sure)
	if err != nil {
		return fmt.Errorf("recovery: %w", err)
	}
	if found.Torn {
		r.torn++
	}
	disk.mu.Lock()
	disk.before = failAt(disk.steps + 1 + random.IntN(30))
	disk.mu.Unlock()
	err = w.work(ctx, again, random, 15)
	_ = again.Close(ctx)
	if err != nil && !disk.lost {
		return fmt.Errorf("work after recovery: %w", err)
	}
	r.crashes++
	last := journal.AdoptOn(survivors(disk, random, r.choice), made, options())
	if _, err := w.check(last, w.sure); err != nil {
		return fmt.Errorf("recovery after more work: %w", err)
	}
	return last.Close(ctx)
}
