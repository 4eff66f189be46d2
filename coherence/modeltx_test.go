package coherence_test

import (
	"context"
	"fmt"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
)

// txPhase is how far a transaction of the model has come.
type txPhase int

const (
	txOpen      txPhase = iota // statements, with row locks
	txAnnounced                // Begin has returned
	txCommitted                // visible, not published
	txLost                     // COMMIT was sent and not answered
	txLanded                   // a lost one that can no longer change
)

// modelTx is a transaction as the plugin would lead it.
type modelTx struct {
	phase  txPhase
	values map[query]int
	staged map[query]bool // rows that were changed and returned, and that no later statement touched
	bulk   [modelTables]bool
	write  *coherence.Write
}

func (w *modelWorld) open() {
	if len(w.txs) < 3 {
		w.txs = append(w.txs, &modelTx{values: map[query]int{}, staged: map[query]bool{}})
	}
}

// hurry is a transaction of one row that gets as far as its COMMIT before anything else happens.
func (w *modelWorld) hurry() {
	t := &modelTx{values: map[query]int{}, staged: map[query]bool{}}
	if q := (query{w.draw(modelTables), w.draw(modelRows)}); len(w.txs) < 3 && w.lock(t, q) {
		t.values[q], t.staged[q] = w.value(), true
		w.txs = append(w.txs, t)
		if w.announceTx(t) {
			w.apply(t)
			t.phase = txCommitted
		}
	}
}

// in picks a transaction of the phase, nil if there is none.
func (w *modelWorld) in(phase txPhase) *modelTx {
	var found []*modelTx
	for _, t := range w.txs {
		if t.phase == phase {
			found = append(found, t)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return found[w.draw(len(found))]
}

// writeRow is a statement that changes one row by its key and gets it back.
func (w *modelWorld) writeRow() {
	t, q := w.in(txOpen), query{w.draw(modelTables), w.draw(modelRows)}
	if t != nil && w.lock(t, q) {
		t.values[q] = w.value()
		t.staged[q] = true
	}
}

// writeTable is a statement that changes rows nobody knows.
func (w *modelWorld) writeTable() {
	t, table := w.in(txOpen), w.draw(modelTables)
	if t == nil {
		return
	}
	t.bulk[table] = true
	for i := range modelRows {
		if q := (query{table, i}); w.lock(t, q) {
			t.values[q] = w.value()
			delete(t.staged, q)
		}
	}
}

// lock takes the row's lock if it is free.
func (w *modelWorld) lock(t *modelTx, q query) bool {
	holder := &w.locks[q.table][q.row]
	if *holder == nil {
		*holder = t
	}
	return *holder == t
}

// announce is what comes before COMMIT. If the cache cannot take a value, the transaction is rolled back.
func (w *modelWorld) announce() {
	if t := w.in(txOpen); t != nil {
		w.announceTx(t)
	}
}

func (w *modelWorld) announceTx(t *modelTx) bool {
	write, err := w.engine.Begin(context.Background(), t.tags()...)
	require.NoError(w, err)
	t.write, t.phase = write, txAnnounced
	for _, q := range t.rows() {
		if !t.staged[q] {
			continue
		}
		in := coherence.Install{Cache: w.engine.Rows(), Key: q.key(), Value: []byte(fmt.Sprint(t.values[q])), Row: q.tag()}
		if write.Stage(context.Background(), in) != nil {
			write.Release()
			w.close(t)
			return false
		}
	}
	return true
}

func (w *modelWorld) commit() {
	if t := w.in(txAnnounced); t != nil {
		w.apply(t)
		t.phase = txCommitted
	}
}

func (w *modelWorld) publish() {
	if t := w.in(txCommitted); t != nil {
		t.write.Publish(context.Background())
		w.close(t)
	}
}

func (w *modelWorld) rollback() {
	t := w.in([]txPhase{txOpen, txAnnounced}[w.draw(2)])
	if t == nil {
		return
	}
	if t.write != nil {
		t.write.Release()
	}
	w.close(t)
}

// lose is a COMMIT whose answer never comes; land is when the database has made up its mind, settle when the plugin knows.
func (w *modelWorld) lose() {
	if t := w.in(txAnnounced); t != nil {
		t.phase = txLost
	}
}

func (w *modelWorld) land() {
	t := w.in(txLost)
	if t == nil {
		return
	}
	if w.draw(2) == 0 {
		w.apply(t)
	}
	w.unlock(t)
	t.phase = txLanded
}

func (w *modelWorld) settle() {
	if t := w.in(txLanded); t != nil {
		t.write.Settle()
		w.close(t)
	}
}

// apply makes the transaction visible and frees its locks.
func (w *modelWorld) apply(t *modelTx) {
	w.change(func(s *state) {
		for q, v := range t.values {
			s[q.table][q.row] = v
		}
	})
	w.unlock(t)
}

func (w *modelWorld) unlock(t *modelTx) {
	for q := range t.values {
		if holder := &w.locks[q.table][q.row]; *holder == t {
			*holder = nil
		}
	}
}

func (w *modelWorld) close(t *modelTx) {
	w.unlock(t)
	w.txs = slices.DeleteFunc(w.txs, func(other *modelTx) bool { return other == t })
}

// rows are the rows written, in order: histories are repeatable.
func (t *modelTx) rows() []query {
	var rows []query
	for table := range modelTables {
		for i := range modelRows {
			if _, ok := t.values[query{table, i}]; ok {
				rows = append(rows, query{table, i})
			}
		}
	}
	return rows
}

func (t *modelTx) tags() []coherence.Tag {
	var tags []coherence.Tag
	for _, q := range t.rows() {
		tags = append(tags, q.tag())
	}
	for table, bulk := range t.bulk {
		if bulk {
			tags = append(tags, query{table, -1}.tag())
		}
	}
	return tags
}
