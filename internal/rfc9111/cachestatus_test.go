package rfc9111_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/dunglas/httpsfv"
	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/rfc9111"
)

func TestLine82CacheStatusMembers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		want string
		s    rfc9111.CacheStatus
	}{
		{"cachewright;hit", rfc9111.CacheStatus{Cache: "cachewright"}},
		{"cachewright;hit;ttl=545", rfc9111.CacheStatus{Cache: "cachewright", TTL: 545*time.Second + 1, HasTTL: true}},
		{"cachewright;hit;ttl=-1", rfc9111.CacheStatus{Cache: "cachewright", TTL: -time.Millisecond, HasTTL: true}},
		{"cachewright;hit;ttl=0", rfc9111.CacheStatus{Cache: "cachewright", HasTTL: true}},
		{"c;fwd=uri-miss;fwd-status=200;stored;collapsed", rfc9111.CacheStatus{Cache: "c", Fwd: rfc9111.FwdURIMiss, FwdStatus: 200, Stored: true, Collapsed: true}},
		{"c;fwd=bypass;detail=set-cookie", rfc9111.CacheStatus{Cache: "c", Fwd: rfc9111.FwdBypass, Detail: string(rfc9111.ReasonSetCookie)}},
		{"c;fwd=method", rfc9111.CacheStatus{Cache: "c", Fwd: rfc9111.FwdMethod}},
		{"c;hit", rfc9111.CacheStatus{Cache: "c", Stored: true, Collapsed: true, FwdStatus: 200}},
		{`"my cache";hit`, rfc9111.CacheStatus{Cache: "my cache"}},
		{`"9front";hit`, rfc9111.CacheStatus{Cache: "9front"}},
		{`"";hit`, rfc9111.CacheStatus{}},
		{`c;hit;key="/a?b=\"\\??"`, rfc9111.CacheStatus{Cache: "c", Key: "/a?b=\"\\é"}},
		{`c;hit;key="token"`, rfc9111.CacheStatus{Cache: "c", Key: "token"}},
		{`c;hit;detail="two words"`, rfc9111.CacheStatus{Cache: "c", Detail: "two words"}},
		{`c;hit;detail="a??b"`, rfc9111.CacheStatus{Cache: "c", Detail: "a\r\nb"}},
		{`c;hit;detail=a:b/c`, rfc9111.CacheStatus{Cache: "c", Detail: "a:b/c"}},
	} {
		require.Equal(t, c.want, c.s.String())
		_, err := httpsfv.UnmarshalList([]string{c.want})
		require.NoError(t, err, c.want)
	}
}

func TestLine82CacheStatusIsAppendedToWhatIsThere(t *testing.T) {
	t.Parallel()
	s := rfc9111.CacheStatus{Cache: "c"}
	h := http.Header{}
	s.AddTo(h)
	require.Equal(t, http.Header{"Cache-Status": {"c;hit"}}, h)

	h = http.Header{"Cache-Status": {"origin;hit", `"a, b";fwd=miss`}}
	shared := h["Cache-Status"][:1:2]
	s.AddTo(h)
	require.Equal(t, []string{"origin;hit", `"a, b";fwd=miss`, "c;hit"}, h["Cache-Status"])

	h["Cache-Status"] = shared
	s.AddTo(h)
	require.Equal(t, `"a, b";fwd=miss`, shared[:2][1], "a slice with room behind its end is not written to")

	h = http.Header{"Cache-Status": {"HIT from &"}}
	s.AddTo(h)
	require.Equal(t, []string{"c;hit"}, h["Cache-Status"], "what does not parse would spoil the field")
}

// structured is s built by the Structured Fields library.
func structured(t *testing.T, s rfc9111.CacheStatus) string {
	t.Helper()
	item := httpsfv.NewItem(name(s.Cache))
	if s.Fwd == "" {
		item.Params.Add("hit", true)
	} else {
		item.Params.Add("fwd", name(string(s.Fwd)))
		if s.FwdStatus != 0 {
			item.Params.Add("fwd-status", int64(s.FwdStatus))
		}
		if s.Stored {
			item.Params.Add("stored", true)
		}
		if s.Collapsed {
			item.Params.Add("collapsed", true)
		}
	}
	if s.HasTTL {
		item.Params.Add("ttl", int64(s.TTL/time.Second))
	}
	if s.Key != "" {
		item.Params.Add("key", printable(s.Key))
	}
	if s.Detail != "" {
		item.Params.Add("detail", name(s.Detail))
	}
	text, err := httpsfv.Marshal(httpsfv.List{item})
	require.NoError(t, err)
	return text
}

// name is a token where the library takes it as one, and a string otherwise.
func name(text string) any {
	if text != "" {
		if _, err := httpsfv.Marshal(httpsfv.NewItem(httpsfv.Token(text))); err == nil {
			return httpsfv.Token(text)
		}
	}
	return printable(text)
}

// printable replaces each byte outside of printable ASCII.
func printable(text string) string {
	b := []byte(text)
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '?'
		}
	}
	return string(b)
}
