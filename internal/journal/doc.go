// Package journal keeps records on disk so that they survive a crash of the process, and of the machine.
//
// A [Journal] is a folder of segments. Records are opaque bytes; each gets a sequence, in the order of [Journal.Put].
// Put costs memory only; [Journal.Wait] asks for as much certainty as an [Ack] says, and whoever waits at the same time
// shares one fdatasync. FORMAT.md beside this file says what the bytes mean, what recovery makes of them, and what may be
// relied on.
//
// # Processes
//
// Each process has a journal of its own, a sub-folder that it holds locked ([Open]). Whoever comes later takes over what
// ended processes left behind ([Adopt]), replays it ([Journal.Replay]), writes on in it if it wants to, and removes it
// ([Journal.Remove]) when nothing in it is needed any more.
//
// # Live records
//
// A record is live from Put or Replay until [Journal.Release]. A live record keeps itself and every later one: segments
// are recycled oldest first. So a record that says "this is done" never leaves before what it is about. When one slow
// record holds too much disk, [Journal.Crowded] says which ones to put again.
//
// # Failing
//
// The first write or fsync that fails ends the journal: no acknowledgement follows, whatever later calls to the file system
// say, for after a failed fsync the kernel may have dropped the data and forgotten the error. Every call then reports
// [ErrFailed] with its cause.
//
// # Goroutines and locks
//
// Two goroutines belong to a Journal. The committer writes, syncs and begins new segments; the keeper makes segments ready
// ahead of their use and recycles those that nobody needs. Close ends both.
//
// Journal.mu guards the state in memory and is never held during a call of the file system. The turn is held by whoever
// writes to the current segment: the committer, or a caller of Wait that only wants its record handed to the operating
// system. Whoever has the turn may take mu, never the other way round.
package journal
