package pgbackplane

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// snapshot is a pg_snapshot: which transactions had committed, or at least ended, when it was taken. It is all a reader of
// the outbox has to remember: a row is new if its transaction is one that the last snapshot did not see.
//
// A transaction that is open for long, in whatever database of the cluster, is one number in running and holds up nothing.
type snapshot struct {
	next    uint64   // the first number not given out yet (xmax)
	running []uint64 // numbers below it whose transactions were open, ascending
}

// parseSnapshot reads PostgreSQL's text of it: "xmin:xmax:running,running".
func parseSnapshot(text string) (snapshot, error) {
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return snapshot{}, fmt.Errorf("reading the snapshot %q: three parts are needed", text)
	}
	var s snapshot
	var err error
	if s.next, err = strconv.ParseUint(parts[1], 10, 64); err != nil {
		return snapshot{}, fmt.Errorf("reading the snapshot %q: %w", text, err)
	}
	if parts[2] == "" {
		return s, nil
	}
	for part := range strings.SplitSeq(parts[2], ",") {
		xid, err := strconv.ParseUint(part, 10, 64)
		if err != nil {
			return snapshot{}, fmt.Errorf("reading the snapshot %q: %w", text, err)
		}
		s.running = append(s.running, xid)
	}
	slices.Sort(s.running)
	return s, nil
}

// sees reports whether the transaction had ended.
func (s snapshot) sees(xid uint64) bool {
	if xid >= s.next {
		return false
	}
	_, open := slices.BinarySearch(s.running, xid)
	return !open
}

// covers reports whether every transaction that the other saw is seen. Of two snapshots of one history the later covers the
// earlier; it may say no where nothing but the numbering stands between them.
func (s snapshot) covers(other snapshot) bool {
	if other.next > s.next {
		return false
	}
	for _, xid := range s.running {
		if other.sees(xid) {
			return false
		}
	}
	return true
}

// String is PostgreSQL's text.
func (s snapshot) String() string {
	first := s.next
	if len(s.running) > 0 {
		first = s.running[0]
	}
	return strconv.FormatUint(first, 10) + ":" + strconv.FormatUint(s.next, 10) + ":" + s.open(",")
}

// open are the numbers of the open transactions.
func (s snapshot) open(separator string) string {
	texts := make([]string, len(s.running))
	for i, xid := range s.running {
		texts[i] = strconv.FormatUint(xid, 10)
	}
	return strings.Join(texts, separator)
}
