package middleware

import (
	"context"
	"net/http"
	"time"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/rfc9111"
	"github.com/cachewright/cachewright/internal/switches"
)

// finish judges a kept answer, hands it over and stores it. It reports whether it was stored.
func (f *fill) finish() bool {
	a := &f.answer
	defer a.release()
	if f.stoodIn() && f.failing() {
		f.standIn()
		return false
	}
	written := a.wrote
	if !written {
		a.status = http.StatusOK
		a.keepHeader()
	}
	f.seal()
	j := f.judge(written)
	if !written && j.reason != "" {
		// Nothing was written and nothing is stored: outer middleware may still write.
		f.sent = a.status
		f.announceStatus(j)
		f.land(j.reason, nil, selector{})
		f.report(j.reason, false, nil)
		return false
	}
	j.complete(f)
	if f.sameBytes(j) {
		a.body = f.old.body
	}
	var p *page
	if j.reason == "" || j.reason == ReasonStampsMoved || !switches.On(switches.PageShareable) {
		p = j.page(f)
	}
	rest := f.send(j)
	if p != nil {
		f.settle(j, p)
	}
	stored := j.reason == "" && (f.unchanged(p) || f.put(j, p))
	f.land(j.reason, p, j.pick)
	a.sendBody(rest)
	a.superfluous()
	f.report(j.reason, stored, p)
	return stored
}

// announceStatus adds Cache-Status to the header map.
func (f *fill) announceStatus(j *judgement) {
	status := f.answer.status
	if f.confirmed {
		status = http.StatusNotModified
	}
	rfc9111.CacheStatus{
		Cache: f.door.name, Fwd: f.fwd, FwdStatus: status, Stored: j.reason == "", Detail: string(j.reason), Key: f.shown(&j.pick),
	}.AddTo(f.w.Header())
}

// send hands over the header and the first bytes of the body, and returns the rest: outer middleware that touches the
// header at the first write has done so then, and a slow client holds nobody up.
func (f *fill) send(j *judgement) (rest []byte) {
	a, h := &f.answer, f.w.Header()
	a.restore()
	status := a.status
	unmodified := f.unmodified(j.validators(), j.reason == "")
	if unmodified {
		status = http.StatusNotModified
	}
	if j.etag != "" {
		h["Etag"] = []string{j.tagFor(f)}
	}
	f.announceStatus(j)
	a.w.WriteHeader(status)
	f.sent = status
	if unmodified || bodyless(a.status) {
		return nil
	}
	const first = 512 // as many bytes as a server looks at to tell the type
	n := min(first, len(a.body))
	a.sendBody(a.body[:n])
	return a.body[n:]
}

// unmodified reports whether the client has the answer already. The header is then made that of a 304. Of an answer that is
// not stored only what describes the body goes: the rest may be for this client (a token for its next form, say), and
// nobody else will tell it.
func (f *fill) unmodified(validators http.Header, stored bool) bool {
	h := f.w.Header()
	if !rfc9111.NotModified(f.r.Method, f.r.Header, f.answer.status, validators, time.Now()) {
		return false
	}
	for _, field := range fieldsOf(f.outer, h) {
		if field.op != opDelete && (stored || describesBody(field.name)) && !rfc9111.InNotModified(field.name, validators) {
			delete(h, field.name)
		}
	}
	delete(h, "Content-Length")
	return true
}

// settle looks at the header again after it was written: what outer middleware added may forbid to store the page.
func (f *fill) settle(j *judgement, p *page) {
	if reason := j.again(f, p); reason != "" && (j.reason == "" || j.reason == ReasonStampsMoved) {
		j.reason = reason
	}
	v := f.visit
	key := v.pageKey(&j.pick)
	if len(key) > maxKey && j.reason == "" {
		j.reason = ReasonKey
	}
	p.key = string(key)
}

// put stores the page.
func (f *fill) put(j *judgement, p *page) bool {
	d := f.door
	f.key.Store(p.key)
	f.store.Store(true)
	stored := d.patiently(f.r.Context(), func(ctx context.Context) bool {
		err := d.learn(ctx, f.visit, j.pick, variantDigest([]byte(p.key)))
		if err == nil {
			err = d.engine.Pages().Put(ctx, p.key, p.encode(), p.stamps, coherence.Life{TTL: p.life(d)})
		}
		d.front.drop(p.key)
		if f.late.Load() {
			f.forget()
		}
		return err == nil
	})
	switch {
	case f.late.Load():
		j.reason = coherence.ReasonLate
		return false
	case !stored:
		j.reason = ReasonStore
	}
	return stored
}
