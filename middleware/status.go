package middleware

import (
	"net/http"
	"slices"

	"github.com/dunglas/httpsfv"
)

const statusField = "Cache-Status"

// addStatus appends this cache's member after those of caches nearer to the origin. Lines that are no Structured Field
// would make the whole field invalid and are dropped.
func addStatus(h http.Header, member string) {
	have := h[statusField]
	if len(have) > 0 {
		if _, err := httpsfv.UnmarshalList(have); err != nil {
			have = nil
		}
	}
	h[statusField] = append(slices.Clip(have), member)
}
