package policy

// Queries says whether results of queries are cached, besides rows. The zero value is QueriesOn.
type Queries uint8

const (
	// QueriesOn caches rows and query results. The grammar has no word for it: leave the option out.
	QueriesOn Queries = iota
	// QueriesOff caches rows only.
	QueriesOff
)

// String is "on" or "off", or "Queries(n)" for a value that is none of the constants.
func (q Queries) String() string { return wordOf("Queries", uint8(q), "on", "off") }

// Full says what a write-back write meets when Pending rows wait for the database. The zero value is FullBlock.
type Full uint8

const (
	// FullBlock makes the write wait for room, until its context ends.
	FullBlock Full = iota
	// FullSync sends the write to the database at once.
	FullSync
	// FullReject fails the write.
	FullReject
)

// String is the word of the tag grammar, or "Full(n)" for a value that is none of the constants.
func (f Full) String() string { return wordOf("Full", uint8(f), "block", "sync", "reject") }

// Ack says when a write-back write is acknowledged. The zero value is AckDefault. The others are ordered: a greater one
// survives more.
type Ack uint8

const (
	// AckDefault is AckJournal where a journal is set, and AckMemory where none is. It has no word: leave the option out.
	AckDefault Ack = iota
	// AckMemory acknowledges once the change is in RAM: lost when the process ends without a flush.
	AckMemory
	// AckJournal acknowledges once the operating system has the change: survives a crash of the process.
	AckJournal
	// AckDisk acknowledges once the change is fsynced: survives power loss.
	AckDisk
)

// String is the word of the tag grammar, "default" for AckDefault, or "Ack(n)" for a value that is none of the constants.
func (a Ack) String() string { return wordOf("Ack", uint8(a), "default", "memory", "journal", "disk") }

// Reads says what a query over a write-back table sees. The zero value is ReadsLatest.
type Reads uint8

const (
	// ReadsLatest flushes what is pending before the query runs.
	ReadsLatest Reads = iota
	// ReadsFlushed queries the database as it is, which may lag by Flush.
	ReadsFlushed
)

// String is the word of the tag grammar, or "Reads(n)" for a value that is none of the constants.
func (r Reads) String() string { return wordOf("Reads", uint8(r), "latest", "flushed") }

// OnFail says what becomes of a write-through write whose value the cache cannot take. The zero value is OnFailError.
type OnFail uint8

const (
	// OnFailError fails the write and rolls it back.
	OnFailError OnFail = iota
	// OnFailInvalidate commits the write and invalidates the entry.
	OnFailInvalidate
)

// String is the word of the tag grammar, or "OnFail(n)" for a value that is none of the constants.
func (o OnFail) String() string { return wordOf("OnFail", uint8(o), "error", "invalidate") }
