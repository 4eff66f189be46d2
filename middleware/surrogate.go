package middleware

import (
	"net/http"
	"strings"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/rfc9111"
)

// maxSurrogates is how many keys a page may carry: what the larger CDNs take.
const maxSurrogates = 128

// addSurrogates adds the keys of what a page stands on to its header, beside those of its handler. A page of too many keys is
// one that no cache outside may keep: one that lacks a key would outlive what it was made from.
func (d *door) addSurrogates(h http.Header, stamps coherence.Stamps) {
	keys := stamps.SurrogateKeys()
	for _, name := range d.surrogates {
		separator := " "
		if name == "Cache-Tag" {
			separator = ","
		}
		var all []string
		for _, line := range h[name] {
			for _, key := range strings.Split(line, separator) {
				if key = strings.Trim(key, " \t"); key != "" && !strings.HasPrefix(key, coherence.SurrogatePrefix) {
					all = append(all, key)
				}
			}
		}
		if len(keys) > maxSurrogates {
			delete(h, name)
			h[rfc9111.CDNCacheControl] = []string{"no-store"}
			continue
		}
		h[name] = []string{strings.Join(append(all, keys...), separator)}
	}
}
