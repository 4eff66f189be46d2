package pgbackplane

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/cachewright/cachewright/coherence"
)

// identity names the history that transaction numbers belong to: a server that was restored or promoted may give out a number
// a second time, and an outbox that was made anew has forgotten what was in it.
type identity struct{ system, timeline, generation string }

// scanQuery reads what the last snapshot did not see, with the snapshot it is read under: one statement has one snapshot. The
// functions of the log position fail on a standby.
const scanQuery = `
SELECT pg_current_snapshot()::text, (SELECT system_identifier::text FROM pg_control_system()),
	substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), s.generation::text, s.trimmed::text,
	o.xid::text, o.origin = $3::uuid, CASE WHEN o.origin = $3::uuid THEN NULL ELSE o.tags END, o.table_name, o.row_keys::text
FROM %s s LEFT JOIN %s o ON o.xid >= $1::xid8 OR o.xid = ANY ($2::text[]::xid8[])
ORDER BY o.xid`

// errNoState says that the outbox is not as the migration leaves it.
var errNoState = errors.New("the table cachewright_outbox_state is empty")

// found is a row of the outbox.
type found struct {
	xid       *string
	own       *bool
	tags      []byte
	tableName *string
	rowKeys   *string
}

// scan applies what is new in the outbox.
func (f *follower) scan(ctx context.Context, conn *pgx.Conn) error {
	last := f.applied.Load()
	from, open := "18446744073709551615", []string{} // nothing: the first look only learns where it is
	if last != nil {
		from, open = fmt.Sprint(last.next), make([]string, len(last.running))
		for i, xid := range last.running {
			open[i] = fmt.Sprint(xid)
		}
	}
	rows, err := conn.Query(ctx, fmt.Sprintf(scanQuery, f.state, f.outbox), from, open, f.origin)
	if err != nil {
		return fmt.Errorf("reading the outbox: %w", err)
	}
	defer rows.Close()
	var (
		now, trimmed string
		seen         identity
		dropped      bool
		group        transaction
	)
	for first := true; rows.Next(); first = false {
		var r found
		err := rows.Scan(&now, &seen.system, &seen.timeline, &seen.generation, &trimmed, &r.xid, &r.own, &r.tags, &r.tableName, &r.rowKeys)
		if err != nil {
			return fmt.Errorf("reading the outbox: %w", err)
		}
		if first {
			why, err := f.broken(last, seen, trimmed)
			if err != nil {
				return err
			}
			if dropped = why != ""; dropped {
				f.in.Drop(why)
			}
		}
		if dropped || r.xid == nil {
			continue
		}
		if *r.xid != group.xid {
			group.apply(f.in)
			group = transaction{xid: *r.xid}
		}
		group.add(r)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("reading the outbox: %w", err)
	}
	if now == "" {
		return fmt.Errorf("reading the outbox: %w", errNoState)
	}
	group.apply(f.in)
	snap, err := parseSnapshot(now)
	if err != nil {
		return err
	}
	if dropped {
		f.trimmer.forget()
	}
	f.identity = seen
	f.applied.Store(&snap)
	return nil
}

// broken says why what is between the last look and this one cannot be known, "" if it is all there.
func (f *follower) broken(last *snapshot, seen identity, trimmed string) (string, error) {
	if last == nil {
		return "the first look at the outbox", nil
	}
	if seen != f.identity {
		return "the database is another one, or another outbox, or was restored", nil
	}
	gone, err := parseSnapshot(trimmed)
	if err != nil {
		return "", err
	}
	if !last.covers(gone) {
		return "it was away for longer than the outbox keeps its rows", nil
	}
	return "", nil
}

// transaction collects the rows of one transaction, which become visible together.
type transaction struct {
	xid  string
	own  bool // it told of all it wrote itself; what triggers noted of it says nothing more
	rows []found
}

func (t *transaction) add(r found) {
	if r.own != nil && *r.own {
		t.own = true
		return
	}
	t.rows = append(t.rows, r)
}

// apply hands on what others wrote, and what nobody has told of but a trigger.
func (t *transaction) apply(in *coherence.Inbox) {
	for _, r := range t.rows {
		switch {
		case r.tableName == nil:
			in.ApplyEncoded(r.tags)
		case !t.own:
			in.Apply(noted(*r.tableName, r.rowKeys)...)
		}
	}
}

// noted are the tags of what a trigger noted. Keys that cannot be read are all of the table.
func noted(tableName string, rowKeys *string) []coherence.Tag {
	table := coherence.TableTag(tableName)
	if rowKeys == nil {
		return []coherence.Tag{table}
	}
	var keys [][]string
	if json.Unmarshal([]byte(*rowKeys), &keys) != nil {
		return []coherence.Tag{table}
	}
	tags := make([]coherence.Tag, len(keys))
	for i, key := range keys {
		tags[i] = table.RowText(key...)
	}
	return tags
}
