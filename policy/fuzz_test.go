package policy_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/policy"
)

// FuzzParse holds Parse to what its callers build on: it never panics; a policy that it returns is valid, with and
// without its defaults, and comes back from its own canonical tag; a mistake is a ParseError that quotes the tag.
func FuzzParse(f *testing.F) {
	for _, group := range [][]string{
		{"", " ", "off", "aside", "writethrough", "writeback", "-", "Aside", "asid"},                                   // strategy
		{",", "aside,", "aside,,", " aside , queries=off ", "aside,aside", "aside,writeback"},                          // commas and spaces
		{"aside,ttl=10m", "aside,ttl=1h2m3.5s", "aside,ttl=0", "aside,ttl=-1s", "aside,ttl=+1s", "aside,ttl=9999999h"}, // durations
		{"aside,ttl=1h,jitter=10%", "aside,ttl=1h,jitter=0.07%", "aside,jitter=1%", "aside,ttl=1h,jitter=1e-400%"},     // percentages
		{"aside,negative=30s", "aside,negative=off", "aside,negative=on", "aside,queries=off"},
		{"writeback,batch=1000", "writeback,pending=100000", "writeback,batch=0x10", "writeback,batch=99999999999999999999"}, // counts
		{"writeback,full=block", "writeback,full=sync", "writeback,full=reject", "writeback,full="},                          // choices
		{"writeback,ack=memory", "writeback,ack=journal", "writeback,ack=disk", "writeback,reads=latest", "writeback,reads=flushed"},
		{"writethrough,onfail=error", "writethrough,onfail=invalidate", "aside,onfail=error"},
		{"aside,critical", "writethrough,critical", "writeback,critical", "aside,critical=", "aside,critical,critical"}, // flag
		{"writeback,ttl=1h,jitter=5%,negative=1m,queries=off,flush=2s,batch=10,pending=20,full=sync,ack=disk,reads=flushed"},
	} {
		for _, seed := range group {
			f.Add(seed)
		}
	}
	f.Fuzz(func(t *testing.T, tag string) {
		p, err := policy.Parse(tag)
		if err != nil {
			require.Zero(t, p)
			for _, e := range mistakes(t, err) {
				require.Equal(t, tag, e.Tag)
				require.Contains(t, tag, e.Word)
				require.NotEmpty(t, e.Problem)
				require.NotEmpty(t, e.Error())
			}
			return
		}
		require.NoError(t, p.Validate())
		require.NoError(t, p.WithDefaults().Validate())
		require.Equal(t, strings.Trim(tag, " ") == "off", p.Strategy == policy.Off)

		canonical := p.String()
		again, err := policy.Parse(canonical)
		require.NoError(t, err, canonical)
		require.Equal(t, p, again, canonical)
		require.Equal(t, canonical, again.String())
	})
}

// FuzzOf puts any text into a struct tag: a field whose tag mentions the key is never taken for a field without one.
func FuzzOf(f *testing.F) {
	for _, seed := range []string{
		`cache:"aside"`, `cache:"-"`, `cache:aside`, `cache: "-"`, `json:"a" cache:"-"`, `json:"a", cache:"-"`, `cache:"\d"`, `gorm:"embedded"`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, tag string) {
		typ := reflect.StructOf([]reflect.StructField{
			{Name: "Hash", Type: reflect.TypeFor[struct{ A int }](), Tag: reflect.StructTag(tag)},
		})
		got, err := policy.Of(typ)
		if err != nil {
			for _, e := range mistakes(t, err) {
				require.Equal(t, "Hash", e.Field)
			}
			return
		}
		said, ok := reflect.StructTag(tag).Lookup("cache")
		require.Equal(t, ok, got.Policy != nil || len(got.Hidden) > 0)
		if !ok {
			require.False(t, strings.HasPrefix(tag, "cache:"))
		} else if got.Policy != nil {
			require.Equal(t, mustParse(t, said), *got.Policy)
		}
	})
}
