package coherence_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/switches"
)

// tracePlayer is an engine and a database of two rows, with the writers and readers of a trace. It leads transactions as the
// plugin does, so it also keeps the rules that are the plugin's: begin first, returned rows only, unknown stays.
type tracePlayer struct {
	testing.TB
	engine  *coherence.Engine
	held    map[string][]string // row -> all values it has held, the current one last
	excused map[string]int      // row -> the first value that is not wrong yet: a change from outside is not invalidated
	writers map[string]*traceWriter
	readers map[string]*traceReader
}

func newTracePlayer(t testing.TB) *tracePlayer {
	t.Helper()
	return &tracePlayer{
		TB: t, engine: newEngine(t),
		held:    map[string][]string{"r0": {"0"}, "r1": {"0"}},
		excused: map[string]int{}, writers: map[string]*traceWriter{}, readers: map[string]*traceReader{},
	}
}

// end lets those go who are still waiting.
func (p *tracePlayer) end() {
	for _, r := range p.readers {
		r.leave("")
	}
	synctest.Wait()
}

func (p *tracePlayer) now(row string) int        { return len(p.held[row]) - 1 }
func (p *tracePlayer) current(row string) string { return p.held[row][p.now(row)] }

// reveal makes a value the current one of a row.
func (p *tracePlayer) reveal(row, value string) { p.held[row] = append(p.held[row], value) }

// excuse allows for the values that readers may be given until a change from outside is invalidated.
func (p *tracePlayer) excuse(row string) {
	if _, ok := p.excused[row]; !ok {
		p.excused[row] = p.now(row)
	}
}

// start is the first value that is right for a read that begins now.
func (p *tracePlayer) start(row string) int {
	if first, ok := p.excused[row]; ok {
		return first
	}
	return p.now(row)
}

func (p *tracePlayer) answer(row, value string, start int) traceAnswer {
	return traceAnswer{value: value, wrong: !slices.Contains(p.held[row][start:], value)}
}

func (p *tracePlayer) writer(name string) *traceWriter {
	if p.writers[name] == nil {
		p.writers[name] = &traceWriter{value: name[1:]}
	}
	return p.writers[name]
}

func (p *tracePlayer) reader(name string) *traceReader {
	if p.readers[name] == nil {
		p.readers[name] = &traceReader{}
	}
	return p.readers[name]
}

// traceWriter is a transaction.
type traceWriter struct {
	value  string
	locked []string // rows it changed
	missed []string // rows it looked for in vain
	tags   []coherence.Tag
	write  *coherence.Write
	ended  bool // committed or not, the database will not change its mind
	early  bool // it was to be settled before that
}

func (w *traceWriter) step(p *tracePlayer, s traceStep, target string) {
	p.Helper()
	switch s.verb {
	case "lock":
		w.locked = append(w.locked, target)
	case "misses":
		w.missed = append(w.missed, target)
	case "begin":
		w.begin(p, s.args)
	case "stage":
		w.stage(p, target)
	case "commit":
		if switches.On(switches.BeginFirst) {
			w.begin(p, slices.Concat(w.locked, w.missed))
		}
		w.land(p)
	case "lands":
		w.land(p)
		w.settleLate()
	case "rollback":
		w.ended = true
	case "lapses":
		w.ended = true
		w.settleLate()
	case "publish":
		w.write.Publish(p.Context())
	case "release":
		w.write.Release()
	case "settle":
		if !w.ended && switches.On(switches.UnknownStays) {
			w.early = true
			return
		}
		w.write.Settle()
	default:
		p.Fatalf("no writer knows how to take the step %q", s.text)
	}
}

func (w *traceWriter) begin(p *tracePlayer, targets []string) {
	p.Helper()
	if w.write != nil {
		return
	}
	for _, target := range targets {
		switch target {
		case "table":
			w.tags = append(w.tags, coherence.TableTag("things"))
		case "everything":
			w.tags = append(w.tags, coherence.Everything())
		default:
			w.tags = append(w.tags, row(target))
		}
	}
	var err error
	w.write, err = p.engine.Begin(p.Context(), w.tags...)
	require.NoError(p, err)
}

func (w *traceWriter) stage(p *tracePlayer, target string) {
	p.Helper()
	value := w.value
	if !slices.Contains(w.locked, target) {
		if switches.On(switches.InstallReturned) {
			return
		}
		value = "0"
	}
	in := coherence.Install{Cache: p.engine.Rows(), Key: target, Value: []byte(value), Row: row(target)}
	require.NoError(p, w.write.Stage(p.Context(), in))
}

func (w *traceWriter) land(p *tracePlayer) {
	for _, target := range w.locked {
		p.reveal(target, w.value)
		delete(p.excused, target)
	}
	w.ended = true
}

func (w *traceWriter) settleLate() {
	if w.early {
		w.write.Settle()
	}
}

// traceReader is a reader: of the cache, of the database as one who missed, or of either together with others.
type traceReader struct {
	stamps coherence.Stamps
	value  string
	start  int
	load   *traceLoad
}

func (r *traceReader) step(p *tracePlayer, s traceStep, target string) traceAnswer {
	p.Helper()
	switch s.verb {
	case "get":
		return r.get(p, target)
	case "stamp":
		r.stamps = p.engine.Stamp(nil, row(target))
	case "readdb":
		return r.readDB(p, target)
	case "put":
		require.NoError(p, p.engine.Rows().Put(p.Context(), target, []byte(r.value), r.stamps, coherence.Life{}))
	case "load":
		r.start, r.load = p.start(target), startLoad(p, target)
	case "return":
		r.load.keep = slices.Contains(s.args, "kept")
		r.leave(p.current(target))
	case "fail":
		r.load.cancel()
		r.leave("")
	case "answers":
		r.leave(p.current(target)) // unless it has joined another, it reads now
		synctest.Wait()
		require.True(p, r.load.done, "%q: it waits still", s.text)
		require.NoError(p, r.load.err)
		return p.answer(target, string(r.load.loaded.Value), r.start)
	default:
		p.Fatalf("no reader knows how to take the step %q", s.text)
	}
	return traceAnswer{}
}

// get reads through the cache: a miss goes to the database.
func (r *traceReader) get(p *tracePlayer, target string) traceAnswer {
	p.Helper()
	hit, ok, err := p.engine.Rows().Get(p.Context(), target)
	require.NoError(p, err)
	value := string(hit.Value)
	if !ok {
		value = p.current(target)
	}
	return p.answer(target, value, p.start(target))
}

func (r *traceReader) readDB(p *tracePlayer, target string) traceAnswer {
	r.value = p.current(target)
	if r.load != nil {
		r.load.answer(r.value)
	}
	return p.answer(target, r.value, p.now(target))
}

// leave ends the reader's own read of the database, with the value if it has none yet.
func (r *traceReader) leave(value string) {
	if r.load == nil || r.load.left {
		return
	}
	r.load.answer(value)
	r.load.left = true
	close(r.load.leave)
}

// traceLoad is a Load on a goroutine of its own; it stops before and after it reads the database.
type traceLoad struct {
	cancel   context.CancelFunc
	ask      chan string // the database's answer, once
	leave    chan struct{}
	answered bool
	left     bool
	keep     bool
	done     bool
	loaded   coherence.Loaded
	err      error
}

func startLoad(p *tracePlayer, target string) *traceLoad {
	ctx, cancel := context.WithCancel(p.Context())
	l := &traceLoad{cancel: cancel, ask: make(chan string, 1), leave: make(chan struct{})}
	go func() {
		defer cancel()
		l.loaded, l.err = p.engine.Rows().Load(ctx, target, []coherence.Tag{row(target)},
			func(ctx context.Context) (coherence.Filled, error) {
				value := <-l.ask
				<-l.leave
				return coherence.Filled{Value: []byte(value), Keep: l.keep}, ctx.Err()
			})
		l.done = true
	}()
	return l
}

func (l *traceLoad) answer(value string) {
	if !l.answered {
		l.answered = true
		l.ask <- value
	}
}
