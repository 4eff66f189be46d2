package middleware

import (
	"bufio"
	"net"
	"net/http"

	"github.com/felixge/httpsnoop"
)

// wrap returns the writer the handler gets: it has exactly the optional interfaces of w.
func (a *answer) wrap() http.ResponseWriter {
	return a.controlled(httpsnoop.Wrap(a.w, httpsnoop.Hooks{
		WriteHeader: func(httpsnoop.WriteHeaderFunc) httpsnoop.WriteHeaderFunc { return a.writeHeader },
		Write:       func(httpsnoop.WriteFunc) httpsnoop.WriteFunc { return a.write },
		ReadFrom:    a.readFrom,
		Flush: func(flush httpsnoop.FlushFunc) httpsnoop.FlushFunc {
			return func() {
				if a.stream() {
					flush()
				}
			}
		},
		FlushError: func(flush httpsnoop.FlushErrorFunc) httpsnoop.FlushErrorFunc {
			return func() error {
				if !a.stream() {
					return nil
				}
				return flush()
			}
		},
		Hijack: func(hijack httpsnoop.HijackFunc) httpsnoop.HijackFunc {
			return func() (net.Conn, *bufio.ReadWriter, error) { return a.hijack(hijack) }
		},
		EnableFullDuplex: func(enable httpsnoop.EnableFullDuplexFunc) httpsnoop.EnableFullDuplexFunc {
			return func() error {
				a.pass(ReasonStreamed)
				return enable()
			}
		},
	}))
}

// stream prepares for a flush: what was held back goes out first. It reports whether there is to be a flush.
func (a *answer) stream() bool {
	a.ensureHeader()
	if a.held() {
		return false
	}
	a.pass(ReasonStreamed)
	return true
}

func (a *answer) hijack(hijack httpsnoop.HijackFunc) (net.Conn, *bufio.ReadWriter, error) {
	a.pass(ReasonHijacked)
	conn, buffered, err := hijack()
	a.hijacked = err == nil
	return conn, buffered, err
}

// control is the writer of a handler whose client's writer cannot flush itself but says what it wraps. An
// [http.ResponseController] would walk past the answer to what is wrapped there; so it finds here what it looks for. To
// type assertions it offers no more than the client's writer.
type control struct {
	http.ResponseWriter // with the answer's hooks
	a                   *answer
}

// controlled gives w, the wrapped writer of a, a control if it needs one.
func (a *answer) controlled(w http.ResponseWriter) http.ResponseWriter {
	_, flushes := a.w.(http.Flusher)
	_, wraps := a.w.(interface{ Unwrap() http.ResponseWriter })
	if flushes || !wraps {
		return w
	}
	c := &control{ResponseWriter: w, a: a}
	if hijacker, ok := w.(http.Hijacker); ok {
		return struct {
			*control
			http.Hijacker
		}{c, hijacker}
	}
	return c
}

func (c *control) FlushError() error {
	if !c.a.stream() {
		return nil
	}
	return http.NewResponseController(c.a.w).Flush()
}

func (c *control) EnableFullDuplex() error {
	c.a.pass(ReasonStreamed)
	return http.NewResponseController(c.a.w).EnableFullDuplex()
}

func (c *control) Unwrap() http.ResponseWriter { return &hijackControl{c.a.w, c.a} }

// hijackControl is a step further on the way of a controller, so that the handler's writer is no [http.Hijacker].
type hijackControl struct {
	http.ResponseWriter // the client's
	a                   *answer
}

func (c *hijackControl) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return c.a.hijack(http.NewResponseController(c.a.w).Hijack)
}

func (c *hijackControl) Unwrap() http.ResponseWriter { return c.a.w }
