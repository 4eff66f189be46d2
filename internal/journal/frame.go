package journal

import (
	"encoding/binary"
	"hash/crc32"
	"math"
)

const (
	frameHeader = 24
	frameAlign  = 8
	frameMagic  = "CWJ"
)

// The kinds of frames, the fourth byte of their magic.
const (
	kindRecord byte = 'r' // the caller's
	kindMark   byte = 'm' // no payload: says that what comes before it is durable
)

// frame is one that was read and is whole.
type frame struct {
	kind     byte
	sequence uint64
	// durable: when this frame was made, all up to this sequence was known to be synced.
	durable uint64
	payload []byte // part of the buffer that was read
	size    int
}

// frameSize is what a payload takes in a segment.
func frameSize(payload int) int64 {
	return (frameHeader + int64(payload) + frameAlign - 1) &^ (frameAlign - 1)
}

// appendFrame adds a frame to a buffer; FORMAT.md has the layout.
func appendFrame(b []byte, seed uint32, kind byte, sequence, durable uint64, payload []byte) []byte {
	start := len(b)
	b = append(b, frameMagic...)
	b = append(b, kind)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(payload)))
	b = binary.LittleEndian.AppendUint64(b, sequence)
	b = binary.LittleEndian.AppendUint32(b, uint32(min(sequence-durable, math.MaxUint32)))
	b = append(b, 0, 0, 0, 0)
	b = append(b, payload...)
	var padding [frameAlign]byte
	b = append(b, padding[:frameSize(len(payload))-frameHeader-int64(len(payload))]...)
	binary.LittleEndian.PutUint32(b[start+20:], frameSum(b[start:], seed))
	return b
}

// parseFrame reads the frame at the beginning of b, and reports whether a whole one is there.
func parseFrame(b []byte, seed uint32) (frame, bool) {
	if len(b) < frameHeader || string(b[:3]) != frameMagic || (b[3] != kindRecord && b[3] != kindMark) {
		return frame{}, false
	}
	length := binary.LittleEndian.Uint32(b[4:])
	if int64(length) > int64(len(b)) {
		return frame{}, false
	}
	size := frameSize(int(length))
	if size > int64(len(b)) {
		return frame{}, false
	}
	b = b[:size]
	if binary.LittleEndian.Uint32(b[20:]) != frameSum(b, seed) {
		return frame{}, false
	}
	f := frame{kind: b[3], sequence: binary.LittleEndian.Uint64(b[8:]), payload: b[frameHeader : frameHeader+length], size: int(size)}
	lag := uint64(binary.LittleEndian.Uint32(b[16:]))
	if lag == 0 || lag > f.sequence {
		return frame{}, false
	}
	f.durable = f.sequence - lag
	return f, true
}

// frameSum is the checksum of a frame, padding included, without the field that holds it.
func frameSum(b []byte, seed uint32) uint32 {
	return crc32.Update(crc32.Update(seed, castagnoli, b[:20]), castagnoli, b[frameHeader:])
}
