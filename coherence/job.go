package coherence

import (
	"context"
	"errors"
	"fmt"
)

// jobs are the background jobs of an engine. The engine's mu guards running.
type jobs struct {
	life    context.Context //nolint:containedctx // the lifetime of the jobs, ended by Close
	stop    context.CancelFunc
	running int
	idle    chan struct{} // closed once the engine is closed and no job runs
}

func newJobs() jobs {
	j := jobs{idle: make(chan struct{})}
	j.life, j.stop = context.WithCancel(context.Background())
	return j
}

// Go runs a background job that Close waits for; its context ends with Close. It reports false, and runs nothing, on a
// closed engine.
func (e *Engine) Go(job func(ctx context.Context)) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed.Load() {
		return false
	}
	e.goLocked(job)
	return true
}

// goLocked is Go with mu held, on an engine that is not closed.
func (e *Engine) goLocked(job func(ctx context.Context)) {
	e.jobs.running++
	go func() {
		defer e.jobEnded()
		job(e.jobs.life)
	}()
}

func (e *Engine) jobEnded() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.jobs.running--
	e.endIfIdle()
}

// endIfIdle is called with mu held, once by Close and once for each job.
func (e *Engine) endIfIdle() {
	if e.closed.Load() && e.jobs.running == 0 {
		close(e.jobs.idle)
	}
}

// Close ends background jobs, waits for them as long as ctx allows, and closes the stores; its error says what did not end
// well. Later reads are misses and later writes publish as before, so an application may go on without its cache. Close may
// be called again: it waits for jobs that still run.
func (e *Engine) Close(ctx context.Context) error {
	e.mu.Lock()
	if !e.closed.Swap(true) {
		e.jobs.stop()
		e.endIfIdle()
	}
	closeStores := e.closeStores
	e.mu.Unlock()
	err := e.wait(ctx)
	if closeStores != nil {
		// After the jobs, if they ended in time. One that runs on finds a closed store, which only refuses it.
		err = errors.Join(err, closeStores())
	}
	return err
}

// wait returns when all jobs have ended; an ended context is no error if they have.
func (e *Engine) wait(ctx context.Context) error {
	select {
	case <-e.jobs.idle:
		return nil
	default:
	}
	select {
	case <-e.jobs.idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for background jobs: %w", ctx.Err())
	}
}
