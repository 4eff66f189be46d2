package journal

import (
	"fmt"
	"time"
)

const (
	defaultSegmentBytes = 16 << 20
	minSegmentBytes     = 4 << 10
	maxSegmentBytes     = 1 << 30
	defaultHighWater    = 256 << 20
	defaultSyncEvery    = time.Second
	maxDatabase         = 256
	backlogBytes        = 1 << 20 // bytes not yet written past which Wait for AckMemory writes them itself
)

// Options say how journals of a folder are made and opened. The zero value of each field but Database is its default.
type Options struct {
	// Database names the database that the records are about, in 1 to 256 bytes: a journal must not be replayed into
	// another one. It is compared byte by byte.
	Database string
	// Disk says that AckDisk will be asked for, so that a folder in memory is refused at once and not at the first Wait.
	Disk bool
	// SegmentBytes is the size of a segment, which is written ahead, zeros included: 4 KiB to 1 GiB in whole KiB, default
	// 16 MiB. A record must fit into one.
	SegmentBytes int64
	// HighWater is the size of all segments, in bytes, above which Crowded says so; default 256 MiB. It stops nothing.
	HighWater int64
	// SyncEvery is how long a record may stay unsynced though nobody asked for AckDisk; default 1 s, below 0 for ever.
	SyncEvery time.Duration
	// FileSystem gives access to the folder of one journal; nil means the operating system's. Folders and their locks
	// are the operating system's in any case.
	FileSystem func(dir string) (FileSystem, error)
}

// withDefaults is a copy without zero values, or what is wrong.
func (o Options) withDefaults() (Options, error) {
	if o.SegmentBytes == 0 {
		o.SegmentBytes = defaultSegmentBytes
	}
	if o.HighWater == 0 {
		o.HighWater = defaultHighWater
	}
	if o.SyncEvery == 0 {
		o.SyncEvery = defaultSyncEvery
	}
	if o.FileSystem == nil {
		o.FileSystem = func(dir string) (FileSystem, error) { return Disk(dir), nil }
	}
	switch {
	case o.Database == "" || len(o.Database) > maxDatabase:
		return o, fmt.Errorf("journal: Options.Database has %d bytes, want 1 to %d", len(o.Database), maxDatabase)
	case o.SegmentBytes < minSegmentBytes || o.SegmentBytes > maxSegmentBytes || o.SegmentBytes%1024 != 0:
		return o, fmt.Errorf("journal: Options.SegmentBytes is %d, want %d to %d in whole KiB", o.SegmentBytes,
			minSegmentBytes, maxSegmentBytes)
	case o.HighWater < 0:
		return o, fmt.Errorf("journal: Options.HighWater is %d, want 0 or more", o.HighWater)
	}
	return o, nil
}
