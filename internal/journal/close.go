package journal

import (
	"context"
	"errors"
	"fmt"
)

// Close writes and syncs what was put, ends the goroutines and gives the folder back. Records that are live stay for
// whoever adopts it. If the context ends first, Close returns its cause and goes on by itself; calling it again waits again.
// An error joined with ErrFailed says that what was not acknowledged for the disk may be lost.
func (j *Journal) Close(ctx context.Context) error {
	j.mu.Lock()
	j.shut()
	j.mu.Unlock()
	return j.waitClosed(ctx)
}

// Remove closes the journal and takes its folder away in one step: after a crash it is there as a whole, or not at all.
// If a record is live, it does nothing and returns ErrLive. A journal that has failed, or has not been replayed, stays.
func (j *Journal) Remove(ctx context.Context) error {
	j.mu.Lock()
	if err := j.removal(); err != nil {
		j.mu.Unlock()
		return err
	}
	j.removing = true
	j.shut()
	j.mu.Unlock()
	return j.waitClosed(ctx)
}

// removal is why the journal may not be taken away; nil if it may. The caller has mu.
func (j *Journal) removal() error {
	switch {
	case j.removing:
		return nil
	case j.refusal() != nil:
		return j.refusal()
	case j.stats.Live > 0:
		return fmt.Errorf("%w: %d", ErrLive, j.stats.Live)
	default:
		return nil
	}
}

// shut begins the end, once. The caller has mu.
func (j *Journal) shut() {
	if j.state == closing {
		return
	}
	running := j.state == open
	j.state = closing
	go j.end(running, j.next-1)
}

// waitClosed waits for the end.
func (j *Journal) waitClosed(ctx context.Context) error {
	select {
	case <-j.ended:
		return j.closed
	case <-ctx.Done():
		return fmt.Errorf("journal: close: %w", context.Cause(ctx))
	}
}

// end is the rest of the life of the journal, up to the last sequence.
func (j *Journal) end(running bool, last uint64) {
	defer close(j.ended)
	var errs []error
	if running && last > 0 {
		errs = append(errs, j.seal(last))
	}
	if running {
		close(j.quit)
		j.done.Wait()
		errs = append(errs, j.current.file.Close())
	}
	j.mu.Lock()
	remove := j.removing && j.err == nil
	j.mu.Unlock()
	if j.folder != nil {
		errs = append(errs, j.folder.leave(remove))
	}
	j.closed = errors.Join(errs...)
}

// seal makes everything up to the last sequence durable, and then a mark that says so.
func (j *Journal) seal(last uint64) error {
	if err := j.waitDurable(context.Background(), last); err != nil {
		return err
	}
	j.mu.Lock()
	if j.err == nil && !j.marked {
		last = j.encode(kindMark, nil)
	}
	j.mu.Unlock()
	return j.waitDurable(context.Background(), last)
}
