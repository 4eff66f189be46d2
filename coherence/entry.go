package coherence

import (
	"encoding/binary"
	"errors"
)

// A stored entry is
//
//	byte 0       format
//	bytes 1..16  epoch of the engine that wrote it
//	uvarint      number of stamps
//	12 bytes     per stamp: word (uint32), version (uint64), little endian
//	…            payload
//
// The check on a hit reads the stamps where they lie, so it allocates nothing.
const (
	entryFormat = 0xC1
	epochSize   = 16
	stampSize   = 12
	entryFixed  = 1 + epochSize
)

var errCorruptEntry = errors.New("coherence: corrupt entry")

// appendEntry appends header and payload to dst.
func appendEntry(dst []byte, epoch *[epochSize]byte, s Stamps, payload []byte) []byte {
	dst = append(dst, entryFormat)
	dst = append(dst, epoch[:]...)
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	for _, st := range s {
		dst = binary.LittleEndian.AppendUint32(dst, st.Word)
		dst = binary.LittleEndian.AppendUint64(dst, st.Version)
	}
	return append(dst, payload...)
}

// entrySize is the room an entry takes.
func entrySize(s Stamps, payload int) int {
	return entryFixed + binary.MaxVarintLen32 + len(s)*stampSize + payload
}

// rawStamps are the stamps of a stored entry, still encoded.
type rawStamps []byte

func (r rawStamps) len() int { return len(r) / stampSize }

func (r rawStamps) at(i int) Stamp {
	b := r[i*stampSize:]
	return Stamp{Word: binary.LittleEndian.Uint32(b), Version: binary.LittleEndian.Uint64(b[4:])}
}

// appendTo decodes the stamps onto dst.
func (r rawStamps) appendTo(dst Stamps) Stamps {
	for i := range r.len() {
		dst = append(dst, r.at(i))
	}
	return dst
}

// splitEntry finds the parts of a stored entry without copying. ours is false for another engine's entry.
func splitEntry(b []byte, epoch *[epochSize]byte) (s rawStamps, payload []byte, ours bool, err error) {
	if len(b) < entryFixed+1 || b[0] != entryFormat {
		return nil, nil, false, errCorruptEntry
	}
	if [epochSize]byte(b[1:entryFixed]) != *epoch {
		return nil, nil, false, nil
	}
	n, size := binary.Uvarint(b[entryFixed:])
	rest := b[entryFixed:]
	if size <= 0 || n > uint64(len(rest)-size)/stampSize {
		return nil, nil, false, errCorruptEntry
	}
	rest = rest[size:]
	end := int(n) * stampSize
	return rawStamps(rest[:end]), rest[end:], true, nil
}
