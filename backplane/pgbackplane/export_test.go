package pgbackplane

import "time"

// WithRetention is Retention without its bound.
func WithRetention(d time.Duration) Option { return func(s *settings) { s.retention = d } }

// Snapshot is what a look at the outbox saw.
type Snapshot = snapshot

// ParseSnapshot reads PostgreSQL's text.
var ParseSnapshot = parseSnapshot

// Sees and Covers are the questions a reader asks.
func (s snapshot) Sees(xid uint64) bool       { return s.sees(xid) }
func (s snapshot) Covers(other snapshot) bool { return s.covers(other) }
