package cacheplugin

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cachewright/cachewright/internal/journal"
	"github.com/cachewright/cachewright/internal/sqltext"
	core "github.com/cachewright/cachewright/internal/writeback"
	"github.com/cachewright/cachewright/policy"
)

// WithJournal keeps write-back changes in a folder until they are flushed, so that no acknowledged one is lost with the
// process. The folder is made if it is missing; several processes may share it, each with a journal of its own in it. What
// processes that ended left behind is written to the database by db.Use, exactly once. Without ack= in their policies
// models are then acknowledged when the operating system has the change.
func WithJournal(dir string) Option {
	return func(s *settings) {
		switch {
		case dir == "":
			s.refuse("WithJournal: a folder is needed")
		case s.journal != "":
			s.refuse("WithJournal is given twice")
		}
		s.journal = dir
	}
}

// ErrJournal is the error of a write-back write whose change the journal did not take, or not as surely as the model's ack
// asks for: the disk is full, or failed, or the context ended meanwhile. Once the journal has failed it takes nothing
// more, and what it has is flushed after the next start. As after a COMMIT without an answer, such a write may have been
// done all the same.
var ErrJournal = errors.New("cacheplugin: the journal did not take the change")

// WithUnfitAsDeadLetters lets db.Use go on when what a journal has pending for a row does not fit the row's table any
// more: a column that is gone, or of another type. The row's changes become a dead letter. Without it db.Use fails then,
// and the journal stays as it is.
func WithUnfitAsDeadLetters() Option { return func(s *settings) { s.unfitDead = true } }

// RecoveryStats say what db.Use found in the journals of processes that ended before.
type RecoveryStats struct {
	Journals    int // with something in them or not
	Changes     int // accepted, and not known to be in the database
	Rows        int // that these were merged to, and written
	DeadLetters int // rows that were refused
}

// JournalStats are the figures of this process's journal.
type JournalStats = journal.Stats

// start makes the flusher, and with a journal first brings to the database what other processes left of it.
func (w *writeback) start(ctx context.Context) error {
	options := core.Options{Logger: w.plugin.logger}
	if f := w.plugin.settings.onFlushError; f != nil {
		options.OnError = func(e *core.FlushError) { f(w.public(e)) }
	}
	if w.plugin.settings.journal != "" {
		if err := w.openJournal(ctx); err != nil {
			return err
		}
		options.Journal = w.journal
	} else if w.expected() {
		if err := w.prepare(ctx); err != nil {
			return err
		}
	}
	w.buffer = core.New(&sink{writeback: w}, options)
	return nil
}

// expected reports whether a model that db.Use knows of is to be written back.
func (w *writeback) expected() bool {
	p := w.plugin
	if p.dialect != sqltext.Postgres && p.dialect != sqltext.SQLite {
		return false // written at once there
	}
	found := false
	p.models.Range(func(_, m any) bool {
		found = m.(*model).err == nil && m.(*model).policy.Strategy == policy.WriteBack
		return !found
	})
	return found
}

// openJournal recovers what is there and opens a journal of this process's own.
func (w *writeback) openJournal(ctx context.Context) error {
	if err := w.prepare(ctx); err != nil {
		return err
	}
	name, err := w.databaseName(ctx)
	if err != nil {
		return err
	}
	options := journal.Options{Database: name}
	w.plugin.models.Range(func(_, m any) bool {
		options.Disk = m.(*model).policy.Ack == policy.AckDisk
		return !options.Disk
	})
	dir := w.plugin.settings.journal
	found, err := journal.Adopt(dir, options)
	if err != nil {
		return fmt.Errorf("cacheplugin: WithJournal(%q): %w", dir, err)
	}
	for i, j := range found {
		if err := w.recover(ctx, j); err != nil {
			err = fmt.Errorf("cacheplugin: recovering the journal %s in %q: %w", j.ID(), dir, err)
			for _, left := range found[i:] {
				err = errors.Join(err, ignoreClosed(left.Close(ctx)))
			}
			return err
		}
	}
	if w.journal, err = journal.Open(dir, options); err != nil {
		return fmt.Errorf("cacheplugin: WithJournal(%q): %w", dir, err)
	}
	w.kept = &watermark{plugin: w.plugin, id: w.journal.ID(), kept: true}
	if err := w.kept.prepare(ctx); err != nil {
		return errors.Join(err, w.journal.Remove(ctx))
	}
	if found := w.recovered; found.Journals > 0 {
		w.plugin.logger.Info("cachewright: journals recovered", "journals", found.Journals, "changes", found.Changes,
			"rows", found.Rows, "dead letters", found.DeadLetters)
	}
	return nil
}

func ignoreClosed(err error) error {
	if errors.Is(err, journal.ErrClosed) {
		return nil
	}
	return err
}

// closeJournal ends the journal: away with it if it is empty, else it stays for the next process.
func (w *writeback) closeJournal(ctx context.Context) error {
	if w.journal == nil {
		return nil
	}
	// What stays is to be found by the next process, so the folder is given back even if the flush took all the time.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), journalPatience)
	defer cancel()
	err := w.journal.Remove(ctx)
	if errors.Is(err, journal.ErrLive) || errors.Is(err, journal.ErrFailed) {
		if err = w.journal.Close(ctx); err != nil {
			return fmt.Errorf("cacheplugin: closing the journal: %w", err)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("cacheplugin: removing the journal: %w", err)
	}
	w.kept.remove(ctx)
	return nil
}

// databaseName names the database for the journal's headers: by a number that the database itself keeps, and that goes
// with its copies and backups.
func (w *writeback) databaseName(ctx context.Context) (string, error) {
	p := w.plugin
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	const id = "database"
	_, err := p.root.ExecContext(ctx, "INSERT INTO cachewright_watermarks (id, n) VALUES ("+p.placeholder(1)+", "+p.placeholder(2)+ //nolint:gosec // placeholders, no values
		") ON CONFLICT (id) DO NOTHING", id, int64(binary.LittleEndian.Uint64(random[:])>>1))
	if err != nil {
		return "", fmt.Errorf("cacheplugin: naming the database: %w", err)
	}
	var n int64
	if err := p.root.QueryRowContext(ctx, "SELECT n FROM cachewright_watermarks WHERE id = "+p.placeholder(1), id).Scan(&n); err != nil {
		return "", fmt.Errorf("cacheplugin: naming the database: %w", err)
	}
	return fmt.Sprintf("%s %016x", p.database, n), nil
}

// journalPatience bounds the last sync of a journal.
const journalPatience = 5 * time.Second

// recoveryPatience bounds how long db.Use waits for the database to take what a journal has.
const recoveryPatience = 2 * time.Minute

// checkDisk tells at the first use of a model whether the journal can give what its policy asks for.
func (w *writeback) checkDisk(ctx context.Context, m *model) error {
	if w.journal == nil || m.policy.Ack != policy.AckDisk {
		return nil
	}
	if err := core.CheckDisk(ctx, w.journal); err != nil {
		return fmt.Errorf("cacheplugin: %s: ack=disk: %w", m.schema.ModelType, err)
	}
	return nil
}
