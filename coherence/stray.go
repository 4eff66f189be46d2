package coherence

import (
	"bytes"
	"runtime"
	"strconv"
	"strings"
)

// Enter tells the engine that the calling goroutine makes the page of d, until the returned function is called on the
// same goroutine. Reads on it that carry no dependency set are strays: the page would not know of them.
func (d *Deps) Enter() (leave func()) {
	e, id := d.engine, goroutineID()
	outer, nested := e.making.Swap(id, d)
	e.pagesMade.Add(1)
	return func() {
		e.pagesMade.Add(-1)
		if nested {
			e.making.Store(id, outer)
			return
		}
		e.making.Delete(id)
	}
}

// Stray is called for a read without a dependency set. If a page is being made on this goroutine, the page is refused.
// It costs one atomic load while no page is being made.
func (e *Engine) Stray() { e.stray(ReasonStray) }

// StrayWrite is [Engine.Stray] for a write: on a hit of the page it would not happen.
func (e *Engine) StrayWrite() { e.stray(ReasonWrote) }

func (e *Engine) stray(why Reason) {
	if e.pagesMade.Load() == 0 {
		return
	}
	if d, ok := e.making.Load(goroutineID()); ok {
		d.(*Deps).Refuse(why)
	}
}

// goroutineID reads the number of the calling goroutine from the head of its stack trace, "goroutine 7 [running]:".
// The runtime offers no other way to know that two calls share a stack.
func goroutineID() uint64 {
	var buf [40]byte
	head := bytes.TrimPrefix(buf[:runtime.Stack(buf[:], false)], []byte("goroutine "))
	if i := bytes.IndexByte(head, ' '); i > 0 {
		head = head[:i]
	}
	id, _ := strconv.ParseUint(string(head), 10, 64)
	return id
}

// libraryFrames are the packages whose frames are not the application's.
var libraryFrames = []string{
	"github.com/cachewright/cachewright/coherence.", "github.com/cachewright/cachewright/gormplugin.",
	"github.com/cachewright/cachewright/middleware.", "github.com/cachewright/cachewright/internal/",
	"gorm.io/", "database/sql.", "runtime.",
}

// CallSite is the file and line of the innermost caller that is neither this library nor GORM.
func CallSite() string {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if f.Function != "" && !library(f.Function) {
			return f.File + ":" + strconv.Itoa(f.Line)
		}
		if !more {
			return ""
		}
	}
}

func library(function string) bool {
	for _, prefix := range libraryFrames {
		if strings.HasPrefix(function, prefix) {
			return true
		}
	}
	return false
}
