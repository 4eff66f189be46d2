package rowset

import (
	"encoding/binary"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

const (
	zoneUTC   byte = iota
	zoneLocal      // whatever the reading process calls local
	zoneFixed      // offset and abbreviation
	zoneNamed      // offset, abbreviation and the name of a zone of the tz database
)

// appendTime encodes the instant in nanoseconds and the location; a monotonic
// reading is dropped. ok is false for an offset no zone can have.
func appendTime(dst []byte, t time.Time) (out []byte, ok bool) {
	zone, abbr, name, offset := zoneFixed, "", "", 0
	switch loc := t.Location(); loc {
	case time.UTC:
		zone = zoneUTC
	case time.Local:
		zone = zoneLocal
	default:
		abbr, offset = t.Zone()
		if offset < math.MinInt32 || offset > math.MaxInt32 {
			return dst, false
		}
		name = loc.String()
		if name != abbr && name != "" && name != "Local" && sameZone(t, name, abbr, offset) {
			zone = zoneNamed
		}
	}
	dst = append(dst, zone)
	dst = binary.AppendVarint(dst, t.Unix())
	dst = binary.AppendUvarint(dst, uint64(t.Nanosecond()))
	if zone >= zoneFixed {
		dst = binary.AppendVarint(dst, int64(offset))
		dst = appendText(dst, abbr)
	}
	if zone == zoneNamed {
		dst = appendText(dst, name)
	}
	return dst, true
}

// skipTime returns what follows an encoded time and whether it is well formed.
func skipTime(src []byte) (rest []byte, ok bool) {
	if len(src) == 0 || src[0] > zoneNamed {
		return nil, false
	}
	zone := src[0]
	if _, src, ok = cutVarint(src[1:]); !ok {
		return nil, false
	}
	nanos, src, ok := cutUvarint(src)
	if !ok || nanos >= uint64(time.Second) {
		return nil, false
	}
	if zone >= zoneFixed {
		var offset int64
		if offset, src, ok = cutVarint(src); !ok || offset < math.MinInt32 || offset > math.MaxInt32 {
			return nil, false
		}
		if _, src, ok = cutText(src); !ok {
			return nil, false
		}
	}
	if zone == zoneNamed {
		if _, src, ok = cutText(src); !ok {
			return nil, false
		}
	}
	return src, true
}

// timeOf decodes what skipTime has found well formed.
func timeOf(src []byte) time.Time {
	zone := src[0]
	seconds, src, _ := cutVarint(src[1:])
	nanos, src, _ := cutUvarint(src)
	t := time.Unix(seconds, int64(nanos))
	switch zone {
	case zoneUTC:
		return t.UTC()
	case zoneLocal:
		return t
	}
	offset, src, _ := cutVarint(src)
	abbr, src, _ := cutText(src)
	if zone == zoneNamed {
		// A process without this zone in its tz database still gets the
		// same instant and the same wall clock.
		if name, _, _ := cutText(src); len(name) > 0 {
			if loc := zones.load(string(name)); loc != nil {
				if in := t.In(loc); zoneIs(in, string(abbr), int(offset)) {
					return in
				}
			}
		}
	}
	return t.In(time.FixedZone(string(abbr), int(offset)))
}

func sameZone(t time.Time, name, abbr string, offset int) bool {
	loc := zones.load(name)
	return loc != nil && zoneIs(t.In(loc), abbr, offset)
}

func zoneIs(t time.Time, abbr string, offset int) bool {
	a, o := t.Zone()
	return a == abbr && o == offset
}

// zones remembers zones of the tz database, unknown names as nil, since each
// look-up reads a file. It takes no more once it is full.
var zones zoneMemo

const maxZones = 1024

type zoneMemo struct {
	byName sync.Map // string → *time.Location
	size   atomic.Int64
}

func (m *zoneMemo) load(name string) *time.Location {
	if loc, ok := m.byName.Load(name); ok {
		return loc.(*time.Location)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		loc = nil
	}
	if m.size.Load() < maxZones {
		if _, loaded := m.byName.LoadOrStore(name, loc); !loaded {
			m.size.Add(1)
		}
	}
	return loc
}
