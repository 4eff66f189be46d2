package journal

import (
	"bytes"
	"encoding/binary"
)

// OpenOn makes a new journal in a file system, without a folder or a lock.
func OpenOn(fs FileSystem, options Options) (*Journal, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	j := newJournal(newID(), fs, options)
	if err := j.create(); err != nil {
		return nil, err
	}
	j.start()
	return j, nil
}

// AdoptOn is a journal in a file system, made by OpenOn as the given one was, to be replayed.
func AdoptOn(fs FileSystem, made *Journal, options Options) *Journal {
	options, err := options.withDefaults()
	if err != nil {
		panic(err)
	}
	return newJournal(made.id, fs, options)
}

// HeaderSize is the size of a header, FrameHeader that of a frame without its payload.
const (
	HeaderSize  = headerSize
	FrameHeader = frameHeader
)

// FrameSize is what a payload takes in a segment.
func FrameSize(payload int) int { return int(frameSize(payload)) }

// OfVersion is a header with another version of the format.
func OfVersion(b []byte, version uint32) []byte {
	b = bytes.Clone(b)
	binary.LittleEndian.PutUint32(b[8:], version)
	binary.LittleEndian.PutUint32(b[12:], headerSum(b))
	return b
}
