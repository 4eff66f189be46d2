package rowset

import "encoding/binary"

// The primitives of the form. Each cut function takes its part from the front
// of src and returns what is left; ok is false when src is too short.

func appendText[T string | []byte](dst []byte, text T) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(text)))
	return append(dst, text...)
}

func cutUvarint(src []byte) (v uint64, rest []byte, ok bool) {
	if len(src) > 0 && src[0] < 0x80 {
		return uint64(src[0]), src[1:], true
	}
	v, n := binary.Uvarint(src)
	if n <= 0 {
		return 0, nil, false
	}
	return v, src[n:], true
}

func cutVarint(src []byte) (v int64, rest []byte, ok bool) {
	u, rest, ok := cutUvarint(src)
	v = int64(u >> 1)
	if u&1 != 0 {
		v = ^v
	}
	return v, rest, ok
}

func cutText(src []byte) (text, rest []byte, ok bool) {
	n, src, ok := cutUvarint(src)
	if !ok || n > uint64(len(src)) {
		return nil, nil, false
	}
	return src[:n:n], src[n:], true
}

// cutCount reads a number of things of at least one byte each, so the number
// bounds an allocation by the length of src.
func cutCount(src []byte) (n int, rest []byte, ok bool) {
	u, rest, ok := cutUvarint(src)
	if !ok || u > uint64(len(rest)) {
		return 0, nil, false
	}
	return int(u), rest, true
}
