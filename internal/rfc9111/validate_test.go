package rfc9111_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/rfc9111"
)

func TestLine39IfNoneMatchIsAListComparedWeakly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		lines []string
		etag  string
		want  bool
	}{
		{"equal", []string{`"a"`}, `"a"`, true},
		{"other", []string{`"b"`}, `"a"`, false},
		{"weak in the field", []string{`W/"a"`}, `"a"`, true},
		{"weak in store", []string{`"a"`}, `W/"a"`, true},
		{"both weak", []string{`W/"a"`}, `W/"a"`, true},
		{"lower-case w is no weak tag", []string{`w/"a"`}, `"a"`, false},
		{"letter case of the tag", []string{`"A"`}, `"a"`, false},
		{"last of a list", []string{`"x", W/"y" ,"a"`}, `"a"`, true},
		{"list without blanks", []string{`"x",W/"y","a"`}, `"a"`, true},
		{"list with empty members", []string{`, ,"x",,"a",`}, `"a"`, true},
		{"second line", []string{`"x"`, `"a"`}, `"a"`, true},
		{"not in the list", []string{`"x", "y"`}, `"a"`, false},
		{"comma inside quotes", []string{`"x", "a,b"`}, `"a,b"`, true},
		{"part of a tag with a comma", []string{`"a,b"`}, `"a`, false},
		{"tag that only looks like a list", []string{`"x,"a",y"`}, `"a"`, false},
		{"backslash does not escape", []string{`"a\", "b"`}, `"b"`, true},
		{"star", []string{"*"}, `"a"`, true},
		{"star with blanks", []string{" * "}, `"a"`, true},
		{"star without a stored tag", []string{"*"}, "", true},
		{"quoted star is a tag", []string{`"*"`}, `"a"`, false},
		{"no stored tag", []string{`"a"`}, "", false},
		{"empty field", []string{""}, `"a"`, false},
		{"empty field, no stored tag", []string{""}, "", false},
		{"empty tag", []string{`""`}, `""`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, rfc9111.MatchETag(c.lines, c.etag))
		})
	}
}

func TestLine42InvalidETagsAreOpaqueStrings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		line, etag string
		want       bool
	}{
		{"abc", "abc", true},
		{"abc", `"abc"`, false},
		{`"abc"`, "abc", false},
		{"W/abc", "abc", true},
		{"x, abc", "abc", true},
		{"a,b", "a,b", true},
		{"a,b", "b", true},
		{`"abc`, `"abc`, true},
		{`"x, "abc`, `"abc`, false},
		{`"a"b`, `"a"`, false},
		{`"a"b`, `"a"b`, true},
		{`"a"b, "c"`, `"c"`, true},
		{"W/", "W/", false},
		{`W/"`, `"`, true},
		{"\xff\x00", "\xff\x00", true},
	} {
		require.Equal(t, c.want, rfc9111.MatchETag([]string{c.line}, c.etag), "%q against %q", c.line, c.etag)
	}
}

func TestLine40IfModifiedSinceComparesWithLastModifiedOrDate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		method  string
		status  int
		request []string
		stored  []string
		want    bool
	}{
		{"unconditional", "GET", 200, nil, []string{"Last-Modified", at(0)}, false},
		{"equal", "GET", 200, []string{"If-Modified-Since", at(0)}, []string{"Last-Modified", at(0)}, true},
		{"HEAD", "HEAD", 200, []string{"If-Modified-Since", at(0)}, []string{"Last-Modified", at(0)}, true},
		{"later", "GET", 200, []string{"If-Modified-Since", at(time.Second)}, []string{"Last-Modified", at(0)}, true},
		{"earlier", "GET", 200, []string{"If-Modified-Since", at(-time.Second)}, []string{"Last-Modified", at(0)}, false},
		{"other form of date", "GET", 200, []string{"If-Modified-Since", "Tuesday, 10-Mar-26 12:00:00 GMT"}, []string{"Last-Modified", at(0)}, true},
		{"no Last-Modified, Date counts", "GET", 200, []string{"If-Modified-Since", at(0)}, []string{"Date", at(0)}, true},
		{"no Last-Modified, Date is later", "GET", 200, []string{"If-Modified-Since", at(0)}, []string{"Date", at(time.Second)}, false},
		{"invalid Last-Modified", "GET", 200, []string{"If-Modified-Since", at(0)}, []string{"Last-Modified", "x", "Date", at(-time.Hour)}, false},
		{"neither", "GET", 200, []string{"If-Modified-Since", at(0)}, nil, false},
		{"invalid date", "GET", 200, []string{"If-Modified-Since", "soon"}, []string{"Last-Modified", at(0)}, false},
		{"two lines", "GET", 200, []string{"If-Modified-Since", at(0), "If-Modified-Since", at(0)}, []string{"Last-Modified", at(0)}, false},
		{"POST", "POST", 200, []string{"If-Modified-Since", at(0)}, []string{"Last-Modified", at(0)}, false},
		{"stored 404", "GET", 404, []string{"If-Modified-Since", at(0)}, []string{"Last-Modified", at(0)}, false},
		{"stored 404 with its tag", "GET", 404, []string{"If-None-Match", `"a"`}, []string{"ETag", `"a"`}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, rfc9111.NotModified(c.method, header(c.request...), c.status, header(c.stored...), noon))
		})
	}
}

func TestLine39IfNoneMatchTakesPrecedence(t *testing.T) {
	t.Parallel()
	stored := header("ETag", `"a"`, "Last-Modified", at(0))
	request := header("If-None-Match", `"b"`, "If-Modified-Since", at(0))
	require.False(t, rfc9111.NotModified("GET", request, 200, stored, noon))
	request = header("If-None-Match", `"a"`, "If-Modified-Since", at(-time.Hour))
	require.True(t, rfc9111.NotModified("GET", request, 200, stored, noon))
	request = header("If-None-Match", "", "If-Modified-Since", at(0))
	require.False(t, rfc9111.NotModified("GET", request, 200, stored, noon), "an empty field is a field")
	require.True(t, rfc9111.NotModified("GET", header("If-None-Match", "*"), 200, http.Header{}, noon))
}

func TestLine47PreconditionsGoToTheHandler(t *testing.T) {
	t.Parallel()
	require.Empty(t, rfc9111.Precondition(header("If-None-Match", `"a"`, "If-Modified-Since", at(0), "Range", "bytes=0-")))
	require.Equal(t, "If-Match", rfc9111.Precondition(header("If-Match", "*")))
	require.Equal(t, "If-Unmodified-Since", rfc9111.Precondition(header("If-Unmodified-Since", at(0))))
	require.Equal(t, "If-Range", rfc9111.Precondition(header("If-Range", `"a"`, "Range", "bytes=0-")))
	require.Empty(t, rfc9111.Precondition(header("If-Range", `"a"`)), "without Range it is ignored")
}

func TestLine44ClientConditionalsDoNotReachTheHandlerOfAFill(t *testing.T) {
	t.Parallel()
	request := header(
		"If-None-Match", "*", "If-Modified-Since", "x", "If-Match", "x", "If-Unmodified-Since", "x",
		"If-Range", "x", "Range", "x", "Accept", "y",
	)
	rfc9111.StripConditionals(request)
	require.Equal(t, header("Accept", "y"), request)
}

func TestLine43StoredValidatorsReplaceThoseOfTheClient(t *testing.T) {
	t.Parallel()
	request := header("If-None-Match", `"client"`, "Range", "bytes=0-", "Accept", "y")
	require.True(t, rfc9111.SetValidators(request, header("ETag", `W/"a"`, "Last-Modified", at(0))))
	require.Equal(t, header("If-None-Match", `W/"a"`, "If-Modified-Since", at(0), "Accept", "y"), request)

	require.False(t, rfc9111.SetValidators(request, header("Date", at(0), "ETag", "")))
	require.Equal(t, header("Accept", "y"), request)

	require.True(t, rfc9111.SetValidators(request, header("Last-Modified", at(0))))
	require.Equal(t, header("If-Modified-Since", at(0), "Accept", "y"), request)
}

func TestLine41FieldsOf304(t *testing.T) {
	t.Parallel()
	stored := header(
		"Cache-Control", "x", "CDN-Cache-Control", "x", "Content-Location", "x", "Date", "x", "ETag", "x", "Expires", "x", "Vary", "x",
		"Content-Type", "x", "Content-Length", "1", "Content-Encoding", "x", "Last-Modified", "x", "X-Other", "x",
	)
	sent := map[string]bool{}
	for name := range stored {
		if rfc9111.InNotModified(name, stored) {
			sent[name] = true
		}
	}
	require.Equal(t, map[string]bool{
		"Cache-Control": true, "Cdn-Cache-Control": true, "Content-Location": true, "Date": true, "Etag": true, "Expires": true, "Vary": true,
	}, sent)
	delete(stored, "Etag")
	require.True(t, rfc9111.InNotModified("Last-Modified", stored), "without ETag it is the only validator")
}

func TestLine43StoredHeadersAreUpdatedFromA304(t *testing.T) {
	t.Parallel()
	stored := header(
		"ETag", `"a"`, "Date", at(-time.Hour), "Cache-Control", "max-age=1", "Content-Type", "text/html", "Content-Length", "10",
		"Content-Encoding", "gzip", "Content-Digest", "x", "X-Old", "1", "X-Both", "1", "X-Both", "2", "Age", "50",
	)
	confirmed := header(
		"ETag", `"a"`, "Date", at(0), "Cache-Control", "max-age=60", "Content-Length", "0", "Content-Encoding", "br", "Content-Digest", "y",
		"Content-Range", "bytes */0", "Content-MD5", "z", "X-Both", "3", "X-New", "4", "Connection", "X-Hop", "X-Hop", "5", "Set-Cookie", "a=b",
	)
	before := stored.Clone()
	require.Equal(t, header(
		"ETag", `"a"`, "Date", at(0), "Cache-Control", "max-age=60", "Content-Type", "text/html", "Content-Length", "10",
		"Content-Encoding", "gzip", "Content-Digest", "x", "X-Old", "1", "X-Both", "3", "X-New", "4",
	), rfc9111.Freshen(stored, confirmed))
	require.Equal(t, before, stored)
	require.Equal(t, "7", rfc9111.Freshen(stored, header("Age", "7")).Get("Age"))
}

func TestA304FreshensOnlyTheResponseItIsAbout(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name              string
		stored, confirmed []string
		want              bool
	}{
		{"same strong tag", []string{"ETag", `"a"`}, []string{"ETag", `"a"`}, true},
		{"other strong tag", []string{"ETag", `"a"`}, []string{"ETag", `"b"`}, false},
		{"strong tag, stored is weak", []string{"ETag", `W/"a"`}, []string{"ETag", `"a"`}, false},
		{"strong tag, stored has none", []string{"Date", "x"}, []string{"ETag", `"a"`}, false},
		{"weak tag, stored is strong", []string{"ETag", `"a"`}, []string{"ETag", `W/"a"`}, true},
		{"other weak tag", []string{"ETag", `"a"`}, []string{"ETag", `W/"b"`}, false},
		{"same date", []string{"Last-Modified", at(0)}, []string{"Last-Modified", at(0)}, true},
		{"other date", []string{"Last-Modified", at(0)}, []string{"Last-Modified", at(1e9)}, false},
		{"no validator in the 304", []string{"ETag", `"a"`, "Last-Modified", at(0)}, nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, rfc9111.Freshens(header(c.stored...), header(c.confirmed...)))
		})
	}
}

func TestLine46HeadConfirmsAStoredGet(t *testing.T) {
	t.Parallel()
	stored := header("ETag", `"a"`, "Last-Modified", at(0), "Content-Length", "10")
	require.True(t, rfc9111.HeadConfirms(stored, stored))
	require.True(t, rfc9111.HeadConfirms(stored, header("X", "y")))
	require.False(t, rfc9111.HeadConfirms(stored, header("ETag", `"b"`)))
	require.False(t, rfc9111.HeadConfirms(stored, header("Last-Modified", at(1e9))))
	require.False(t, rfc9111.HeadConfirms(stored, header("Content-Length", "11")))
}
