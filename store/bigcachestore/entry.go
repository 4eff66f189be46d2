package bigcachestore

import (
	"crypto/sha256"
	"encoding/binary"
)

// An entry as BigCache sees it:
//
//	deadline  8 bytes  age of the store at which the entry ends, in nanoseconds; 0: never
//	keyLength 4 bytes  length of key below; 0: BigCache's key is the key
//	key                only if it is longer than maxIndexKey
//	value
//
// Integers are little-endian. Entries do not outlive the process, so the format may change at will.
const headerSize = 8 + 4

// maxIndexKey is the longest key, in bytes, that BigCache is given itself. It keeps the length in 16 bits and computes with
// them: from 65,518 bytes on it panics, from 65,536 on it mixes up key and value. Longer keys go under their digest. The
// threshold is far below that because BigCache copies the key on each Get.
const maxIndexKey = 1 << 10

// indexKey returns the key that BigCache is given for key. Several keys may share one: decode tells them apart.
func indexKey(key string) string {
	if len(key) <= maxIndexKey {
		return key
	}
	digest := sha256.Sum256([]byte(key))
	return string(digest[:])
}

// encode appends the entry to buffer.
func encode(buffer []byte, key string, value []byte, deadline int64) []byte {
	if len(key) <= maxIndexKey {
		key = ""
	}
	if need := headerSize + len(key) + len(value); cap(buffer) < need {
		buffer = make([]byte, 0, need)
	}
	buffer = binary.LittleEndian.AppendUint64(buffer, uint64(deadline))
	buffer = binary.LittleEndian.AppendUint32(buffer, uint32(len(key)))
	buffer = append(buffer, key...)
	return append(buffer, value...)
}

// decode returns the value and the deadline in an entry. The value is a part of stored. It is not ok if the entry was stored
// under another key than key.
func decode(stored []byte, key string) (value []byte, deadline int64, ok bool) {
	if len(stored) < headerSize {
		return nil, 0, false
	}
	deadline = int64(binary.LittleEndian.Uint64(stored))
	keyLength := int64(binary.LittleEndian.Uint32(stored[8:]))
	rest := stored[headerSize:]
	if len(key) <= maxIndexKey {
		return rest, deadline, keyLength == 0
	}
	if keyLength != int64(len(key)) || keyLength > int64(len(rest)) || string(rest[:keyLength]) != key {
		return nil, 0, false
	}
	return rest[keyLength:], deadline, true
}
