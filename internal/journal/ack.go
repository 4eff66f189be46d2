package journal

// Ack is how sure a record is once Wait or Append has returned nil. Whatever it is, records are kept in the order of Put:
// if one is there after a crash, all before it are.
type Ack uint8

const (
	// AckMemory says that the record is in the memory of this process, and is written within moments. A crash may lose it.
	AckMemory Ack = iota
	// AckJournal says that the operating system has the record. It survives the end of the process, SIGKILL included; a crash of
	// the machine may lose what was written since the last sync ([Options.SyncEvery]).
	AckJournal
	// AckDisk says that fdatasync has returned after the record was written. It survives a crash of the machine, if the disk does
	// what it says.
	AckDisk
)

// String is the name as it stands in a policy.
func (a Ack) String() string {
	switch a {
	case AckMemory:
		return "memory"
	case AckJournal:
		return "journal"
	case AckDisk:
		return "disk"
	default:
		return "unknown"
	}
}
