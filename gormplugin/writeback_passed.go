package cacheplugin

import "sync/atomic"

// passages counts the statements and transactions that write, by how many dirty tables there were when they looked for
// gates. Those that looked before a dirty table was made have passed where its gates are now, and may have written rows
// that nobody else can see yet; until they have ended nothing is acknowledged for it.
type passages struct {
	made  atomic.Uint64 // dirty tables
	open  [passageSlots]atomic.Int64
	leave [passageSlots]func() // made once, so that a statement allocates none
}

// passageSlots is how many dirty tables may be made while a transaction is open before its count stands for a later one,
// which then waits needlessly.
const passageSlots = 64

func newPassages() *passages {
	p := &passages{}
	for i := range p.leave {
		p.leave[i] = func() { p.open[i].Add(-1) }
	}
	return p
}

// enter comes before the list of dirty tables is read. leave[slot] ends it.
func (p *passages) enter() (slot uint64) {
	for {
		n := p.made.Load()
		slot = n % passageSlots
		p.open[slot].Add(1)
		if p.made.Load() == n {
			return slot
		}
		p.open[slot].Add(-1)
	}
}

// table is called when a dirty table is in the list, and returns its number.
func (p *passages) table() (born uint64) { return p.made.Add(1) }

// ended reports whether all have ended that looked for gates before the table was there.
func (p *passages) ended(born uint64) bool {
	if born == 0 {
		return false // it is being made
	}
	for n := born; n > 0 && born-n < passageSlots-1; n-- {
		if p.open[(n-1)%passageSlots].Load() != 0 {
			return false
		}
	}
	return true
}
