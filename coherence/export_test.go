package coherence

import "time"

// WithBits makes the table 1<<bits words long, so that tags collide. At least 1.
func WithBits(bits int) Option { return func(s *settings) { s.bits = bits } }

// SetMaxWriters bounds the writers of a word. Call it before the engine is shared.
func SetMaxWriters(e *Engine, n uint64) { e.maxWriters = n }

// Jobs is how many background jobs run.
func Jobs(e *Engine) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.jobs.running
}

// Flights is how many reads others may join.
func Flights(c *Cache) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.flights)
}

// Joins reports whether a reader with these stamps would wait for another's read. It must not be called where it would lead.
func Joins(c *Cache, key string, s Stamps) bool {
	f, lead := c.join(key, s)
	if lead {
		panic("a test became the leader of a read")
	}
	return f != nil
}

// Writers is how many writers the words have that a write of the tag moves, one number for each word.
func Writers(e *Engine, tag Tag) []uint64 {
	var writers []uint64
	tag.writes(func(hash uint64) { writers = append(writers, e.words[e.words.of(hash)].Load()&writerMask) })
	return writers
}

// SameWord reports whether two tags' own hashes share a word.
func SameWord(e *Engine, a, b Tag) bool { return e.words.of(a.own) == e.words.of(b.own) }

// SoftTable reports whether the table of soft versions exists.
func SoftTable(e *Engine) bool { return e.soft.table.Load() != nil }

// Fronted reports whether the front of the rows holds the key.
func (e *Engine) Fronted(key string) bool {
	if e.rows.front == nil {
		return false
	}
	found, _ := e.rows.front.find(key)
	return found != nil
}

// FrontBudget is how many bytes the front of the rows may hold.
func (e *Engine) FrontBudget() int64 { return e.rows.front.budget }

// FrontUsed is how many bytes it holds.
func (e *Engine) FrontUsed() int64 {
	e.rows.front.mu.Lock()
	defer e.rows.front.mu.Unlock()
	return e.rows.front.used
}

// SetWallAhead makes the wall clock of the lease run ahead of the monotonic one, as after a suspension.
func SetWallAhead(e *Engine, by time.Duration) { e.lease.Load().wall.Add(-int64(by)) }

// LapsedReads is how many reads of the database run at once while a lease is over.
const LapsedReads = lapsedReads
