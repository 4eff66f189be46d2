package journal

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
)

const (
	headerSize    = 512
	headerMagic   = "CWJRNL\r\n"
	formatVersion = 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// journalID names a journal among all of all folders.
type journalID [16]byte

func newID() journalID {
	var id journalID
	_, _ = rand.Read(id[:]) // never fails
	return id
}

func (id journalID) String() string { return hex.EncodeToString(id[:]) }

// header is the first sector of a segment, and all of the identity file, whose number and size are 0.
type header struct {
	id       journalID
	number   uint64
	size     int64
	database string
}

// encode is the sector; FORMAT.md has the layout.
func (h header) encode() []byte {
	b := make([]byte, headerSize)
	copy(b, headerMagic)
	binary.LittleEndian.PutUint32(b[8:], formatVersion)
	copy(b[16:], h.id[:])
	binary.LittleEndian.PutUint64(b[32:], h.number)
	binary.LittleEndian.PutUint64(b[40:], uint64(h.size))
	binary.LittleEndian.PutUint16(b[48:], uint16(len(h.database)))
	copy(b[50:], h.database)
	binary.LittleEndian.PutUint32(b[12:], headerSum(b))
	return b
}

// seed is where the checksums of the frames of a segment begin: a frame of another segment or journal fails here.
func (h header) seed() uint32 {
	var b [24]byte
	copy(b[:], h.id[:])
	binary.LittleEndian.PutUint64(b[16:], h.number)
	return crc32.Checksum(b[:], castagnoli)
}

// decodeHeader reads a sector. A CorruptError has no file yet.
func decodeHeader(b []byte) (header, error) {
	if len(b) < headerSize {
		return header{}, &CorruptError{Reason: fmt.Sprintf("the header has %d bytes of %d", len(b), headerSize)}
	}
	b = b[:headerSize]
	if string(b[:8]) != headerMagic {
		return header{}, &CorruptError{Reason: "this is no journal: the header begins otherwise"}
	}
	if binary.LittleEndian.Uint32(b[12:]) != headerSum(b) {
		return header{}, &CorruptError{Reason: "the header's checksum is wrong"}
	}
	if version := binary.LittleEndian.Uint32(b[8:]); version != formatVersion {
		return header{}, fmt.Errorf("%w: %d, and this code knows %d", ErrVersion, version, formatVersion)
	}
	h := header{
		number: binary.LittleEndian.Uint64(b[32:]),
		size:   int64(binary.LittleEndian.Uint64(b[40:])),
	}
	copy(h.id[:], b[16:])
	n := int(binary.LittleEndian.Uint16(b[48:]))
	sized := h.number == 0 || (h.size >= minSegmentBytes && h.size <= maxSegmentBytes && h.size%frameAlign == 0)
	if n == 0 || n > maxDatabase || !sized {
		return header{}, &CorruptError{Reason: "the header's checksum is right but its numbers are not possible"}
	}
	h.database = string(b[50 : 50+n])
	return h, nil
}

// headerSum is the checksum of a header without the field that holds it.
func headerSum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:12], castagnoli), castagnoli, b[16:headerSize])
}

// readHeader reads the first sector of a file.
func readHeader(f File) (header, error) {
	b := make([]byte, headerSize)
	n, err := readFull(f, b)
	if err != nil {
		return header{}, err
	}
	return decodeHeader(b[:n])
}
