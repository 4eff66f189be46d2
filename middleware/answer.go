package middleware

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/felixge/httpsnoop"
)

// answer stands between a handler and the client's writer. In keeping mode it holds the answer back until it is complete;
// in passing mode, which it can enter at any time and never leaves, everything goes through as it is written. It belongs
// to the goroutine of the handler.
type answer struct {
	w http.ResponseWriter

	keeping bool
	limit   int           // of the body
	room    *atomic.Int64 // bytes all bodies of the door may still take

	wrote    bool        // a final header was written
	hijacked bool        // the connection is somebody else's
	status   int         // of that header
	header   http.Header // a deep copy of it, when keeping
	declared int64       // Content-Length of it; -1: none
	body     []byte
	taken    int64 // from room
	again    []int // superfluous calls of WriteHeader, to be seen by the server's log
	broken   bool  // the body is known to be incomplete
	sent     int64 // bytes of body handed to w

	examine func(status int, h http.Header) Reason // whether keeping a header makes sense at all; "" if it does
	leaving func(Reason)                           // called once, when keeping mode is left
	before  func(status int)                       // called just before a header goes out in passing mode

	holds func() bool // whether the header that was written is not for the client, so that a flush must not send it; nil: never

	unmodified func() bool // whether the client has the answer: what goes out in passing mode is then a 304; nil: never
	mute       bool        // it has: the body goes nowhere
}

func (a *answer) ensureHeader() {
	if !a.wrote {
		a.writeHeader(http.StatusOK)
	}
}

func (a *answer) writeHeader(status int) {
	final := status >= 200 || status == http.StatusSwitchingProtocols
	switch {
	case !final || status > 999:
		a.w.WriteHeader(status) // goes out at once, or panics as it would without us
		return
	case a.wrote && a.keeping:
		a.again = append(a.again, status)
		return
	case a.wrote:
		a.w.WriteHeader(status) // logged by the server
		return
	}
	a.wrote, a.status = true, status
	if !a.keeping {
		a.sendHeader()
		return
	}
	a.keepHeader()
	if reason := a.early(); reason != "" {
		a.pass(reason)
	}
}

// keepHeader notes the header as it is now; what the handler does to it afterwards has no effect on the answer.
func (a *answer) keepHeader() {
	a.header = a.w.Header().Clone()
	if a.header == nil {
		a.header = http.Header{}
	}
	a.declared = -1
	if lines := a.header["Content-Length"]; len(lines) == 1 {
		if n, err := strconv.ParseInt(lines[0], 10, 64); err == nil && n >= 0 {
			a.declared = n
		}
	}
}

// early finds a reason in the header alone to leave keeping mode.
func (a *answer) early() Reason {
	switch {
	case a.status == http.StatusSwitchingProtocols:
		return ReasonUpgrade
	case a.held():
		return ""
	case a.declared > int64(a.limit):
		return ReasonTooLarge
	case streams(a.header.Get("Content-Type")):
		return ReasonStreamed
	}
	return a.examine(a.status, a.header)
}

func streams(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(media), "text/event-stream")
}

func (a *answer) write(b []byte) (int, error) {
	a.ensureHeader()
	if a.keeping {
		if bodyless(a.status) {
			if len(b) == 0 {
				return 0, nil
			}
			return 0, http.ErrBodyNotAllowed
		}
		if reason := a.keep(b); reason == "" {
			return len(b), nil
		} else {
			a.pass(reason)
		}
	}
	if a.mute {
		return len(b), nil
	}
	n, err := a.w.Write(b)
	a.sent += int64(n)
	return n, err
}

// keep copies b to the body, or says why it cannot. Callers use their buffers again.
func (a *answer) keep(b []byte) Reason {
	size := len(a.body) + len(b)
	switch {
	case a.declared >= 0 && int64(size) > a.declared:
		return ReasonTruncated // more than announced: the server's business
	case size > a.limit:
		return ReasonTooLarge
	}
	if grow := int64(size) - a.taken; grow > 0 {
		grow = max(grow, min(a.taken, int64(a.limit)-a.taken), 512) // as the slice will
		if a.room.Add(-grow) < 0 {
			a.room.Add(grow)
			return ReasonMemory
		}
		a.taken += grow
		a.body = slices.Grow(a.body, int(a.taken)-len(a.body))
	}
	a.body = append(a.body, b...)
	return ""
}

// readFrom copies through write while the answer is kept, and leaves the rest to the client's own ReadFrom.
func (a *answer) readFrom(underlying httpsnoop.ReadFromFunc) httpsnoop.ReadFromFunc {
	return func(src io.Reader) (int64, error) {
		var copied int64
		if a.keeping {
			buf := make([]byte, 32<<10)
			for a.keeping {
				n, err := src.Read(buf)
				if n > 0 {
					m, werr := a.write(buf[:n])
					copied += int64(m)
					if werr != nil {
						return copied, werr
					}
				}
				if err == io.EOF {
					return copied, nil
				}
				if err != nil {
					a.broken = true // whoever copies from upstream has half an answer
					return copied, err
				}
			}
		} else {
			a.announce()
		}
		if a.mute {
			n, err := io.Copy(io.Discard, src)
			return copied + n, err
		}
		n, err := underlying(src)
		a.sent += n
		return copied + n, err
	}
}

// announce does for an implicit header in passing mode what writeHeader would have done.
func (a *answer) announce() {
	if !a.wrote {
		a.wrote, a.status = true, http.StatusOK
		a.before(http.StatusOK)
	}
}

// pass leaves keeping mode: what was held back goes out, its memory is given back, and those who wait are told.
func (a *answer) pass(reason Reason) {
	if !a.keeping {
		return
	}
	a.keeping, a.holds = false, nil
	a.leaving(reason)
	if a.wrote {
		a.restore()
		a.sendHeader()
		a.sendBody(a.body)
		a.superfluous()
	}
	a.header = nil
	a.release()
}

// restore makes the client's header what it was when the handler wrote it. Trailers set since then stay.
func (a *answer) restore() {
	h := a.w.Header()
	for name := range h {
		if _, kept := a.header[name]; !kept && !strings.HasPrefix(name, http.TrailerPrefix) {
			delete(h, name)
		}
	}
	for name, values := range a.header {
		h[name] = slices.Clone(values)
	}
}

// trailers reports whether the handler announced trailers after it wrote the header.
func (a *answer) trailers() bool {
	for name := range a.w.Header() {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			return true
		}
	}
	return false
}

// sendHeader sends the header that was written, in passing mode.
func (a *answer) sendHeader() {
	a.before(a.status)
	status := a.status
	if a.mute = a.unmodified != nil && a.unmodified(); a.mute {
		status = http.StatusNotModified
	}
	a.w.WriteHeader(status)
}

func (a *answer) sendBody(b []byte) {
	if len(b) == 0 || a.mute {
		return
	}
	n, _ := a.w.Write(b) // the client is gone: nobody is left to tell
	a.sent += int64(n)
}

// superfluous repeats the calls of WriteHeader that came too late, so that the server logs them as ever.
func (a *answer) superfluous() {
	for _, status := range a.again {
		a.w.WriteHeader(status)
	}
	a.again = nil
}

// held reports whether a flush has to wait for the end of the answer.
func (a *answer) held() bool { return a.keeping && a.wrote && a.holds != nil && a.holds() }

// forget makes the answer as if its handler had not run.
func (a *answer) forget() {
	a.release()
	a.wrote, a.status, a.declared, a.broken, a.again = false, 0, -1, false, nil
	a.header = nil
}

// release gives back the memory of the body. The page made of it is the store's business.
func (a *answer) release() {
	a.room.Add(a.taken)
	a.taken, a.body = 0, nil
}
