package middleware

import (
	"bytes"
	"net/http"
)

// serveRange sends the parts of the page that a Range request asks for, by the rules of [http.ServeContent]: 206, 416, or all of
// it when If-Range is about another page. The header is complete but for what these parts change.
func (p *page) serveRange(v *visit) (code int, sent int64) {
	asked := &http.Request{Method: http.MethodGet, Header: http.Header{"Range": v.r.Header["Range"]}}
	if lines := v.r.Header["If-Range"]; len(lines) > 0 {
		asked.Header["If-Range"] = lines
	}
	w := &counted{ResponseWriter: v.w}
	http.ServeContent(w, asked, "", p.modified, bytes.NewReader(p.body))
	return w.status, w.sent
}

// counted notes what goes through it.
type counted struct {
	http.ResponseWriter
	status int
	sent   int64
}

func (w *counted) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *counted) Write(b []byte) (int, error) {
	n, err := w.ResponseWriter.Write(b)
	w.sent += int64(n)
	return n, err
}
