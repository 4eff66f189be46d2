package middleware_test

import (
	"strings"
	"testing"
)

func TestConformanceConditionals(t *testing.T) {
	t.Parallel()
	tagged := miss("Cache-Control: max-age=100000", `ETag: "abcdef"`, "Last-Modified: @-3000s", "Date: @0s")
	weak := miss("Cache-Control: max-age=100000", `ETag: W/"abcdef"`)
	bare := miss("Cache-Control: max-age=100000", "ETag: abcdef")
	modified := miss("Cache-Control: max-age=100000", "Last-Modified: Fri, 31 Dec 1999 20:00:00 GMT", "Date: @0s")
	notModified := func(ask ...string) step { return hit().asking(ask...).seen(304) }
	brief := miss("Cache-Control: max-age=2", `ETag: "abcdef"`)
	conform(t,
		seq("a strong tag", tagged, notModified(`If-None-Match: "abcdef"`).having(`ETag: "abcdef"`)),
		seq("what a 304 has and what it lacks", tagged, notModified(`If-None-Match: "abcdef"`).having("Cache-Control: max-age=100000", "Date: @0s", "Age: 0").without("Content-Length", "Content-Type")),
		seq("another tag", tagged, hit().asking(`If-None-Match: "other"`).showing("answer 1")),
		seq("a weak tag", weak, notModified(`If-None-Match: W/"abcdef"`)),
		seq("a weak tag and a strong question", weak, notModified(`If-None-Match: "abcdef"`)),
		seq("the first of several", tagged, notModified(`If-None-Match: "abcdef", "1234", "5678"`)),
		seq("the second of several", tagged, notModified(`If-None-Match: "1234", "abcdef", "5678"`)),
		seq("the last of several", tagged, notModified(`If-None-Match: "1234", "5678", "abcdef"`)),
		seq("one on a line of its own", tagged, notModified(`If-None-Match: "1234"`, `If-None-Match: "abcdef"`)),
		seq("star", tagged, notModified("If-None-Match: *")),
		seq("a comma in a tag", miss("Cache-Control: max-age=60", `ETag: "a,b"`), notModified(`If-None-Match: "x", "a,b"`)),
		seq("a tag without quotes", bare, notModified("If-None-Match: abcdef")),
		seq("a weak mark in lower case", miss("Cache-Control: max-age=60", `ETag: w/"abcdef"`), notModified(`If-None-Match: w/"abcdef"`)),
		seq("If-None-Match goes before If-Modified-Since", tagged, notModified(`If-None-Match: "abcdef"`, "If-Modified-Since: @-9000s"), hit().asking(`If-None-Match: "other"`, "If-Modified-Since: @0s")),
		seq("If-Modified-Since, the same", modified, notModified("If-Modified-Since: Fri, 31 Dec 1999 20:00:00 GMT")),
		seq("If-Modified-Since, later", modified, notModified("If-Modified-Since: Fri, 31 Dec 1999 21:00:00 GMT")),
		seq("If-Modified-Since, earlier", modified, hit().asking("If-Modified-Since: Fri, 31 Dec 1999 19:00:00 GMT")),
		seq("If-Modified-Since as an old date", modified, notModified("If-Modified-Since: Friday, 31-Dec-99 20:00:00 GMT")),
		seq("If-Modified-Since that is no date", modified, hit().asking("If-Modified-Since: yesterday")),
		seq("Date stands in for Last-Modified", miss("Cache-Control: max-age=60", "Date: @0s"), notModified("If-Modified-Since: @0s"), hit().asking("If-Modified-Since: @-9s")),
		seq("a stale answer is asked about by its tag", brief, confirmed(`ETag: "abcdef"`).after(pause).telling(`If-None-Match: "abcdef"`).showing("answer 1")),
		seq("by its weak tag", miss("Cache-Control: max-age=2", `ETag: W/"abcdef"`), confirmed().after(pause).telling(`If-None-Match: W/"abcdef"`)),
		seq("by its date", miss("Cache-Control: max-age=2", "Last-Modified: Fri, 31 Dec 1999 20:00:00 GMT"), confirmed().after(pause).telling("If-Modified-Since: Fri, 31 Dec 1999 20:00:00 GMT")),
		seq("by nothing when it has no validator", miss("Cache-Control: max-age=2"), miss().after(pause).telling("If-None-Match: ", "If-Modified-Since: ")),
		seq("with the fields it varies on",
			miss("Cache-Control: max-age=2", "Vary: Abc", `ETag: "a"`).asking("Abc: 123"), confirmed().after(pause).asking("Abc: 123").telling("Abc: 123")),
		seq("not for another variant",
			miss("Cache-Control: max-age=60", "Vary: Abc", `ETag: "a"`).asking("Abc: 123"), miss().asking("Abc: 456").telling("If-None-Match: ")),
		seq("the client's own condition is judged after ours",
			brief, confirmed().after(pause).asking(`If-None-Match: "mine"`).telling(`If-None-Match: "abcdef"`).showing("answer 1"),
			confirmed().after(pause).asking(`If-None-Match: "abcdef"`).seen(304)),
		seq("and when nothing is stored it is judged here", miss(`ETag: "abcdef"`, "Cache-Control: max-age=60").asking(`If-None-Match: "abcdef"`).telling("If-None-Match: ").seen(304), hit().showing("answer 1")),
		seq("a new answer replaces the stale one", brief, miss("Cache-Control: max-age=60", `ETag: "new"`).after(pause).showing("answer 2"), hit(`ETag: "new"`).showing("answer 2")),
		seq("If-Match goes to the origin", tagged, miss().asking(`If-Match: "abcdef"`).telling(`If-Match: "abcdef"`)),
		seq("If-Unmodified-Since goes to the origin", tagged, miss().asking("If-Unmodified-Since: @0s")),
	)
}

func TestConformanceUpdatingBy304(t *testing.T) {
	t.Parallel()
	var all []sequence
	update := func(name, before, after string) {
		field := func(value string) string { return name + ": " + value }
		for _, validator := range []string{`ETag: "v"`, "Last-Modified: Fri, 31 Dec 1999 20:00:00 GMT"} {
			all = append(all, seq(name+" by "+validator[:4],
				miss("Cache-Control: max-age=1", "Date: @0s", validator, field(before)),
				confirmed("Cache-Control: max-age=3600", "Date: @0s", validator, field(after)).after(pause).having(field(after)).showing("answer 1"),
				hit(field(after)).after(pause).showing("answer 1")))
		}
	}
	for _, f := range [][3]string{
		{"Test-Header", "a", "b"},
		{"X-Test-Header", "a", "b"},
		{"Content-Foo", "a", "b"},
		{"X-Content-Foo", "a", "b"},
		{"Content-Type", "text/plain", "text/plain;charset=utf-8"},
		{"Content-Location", "/foo", "/bar"},
		{"Content-Security-Policy", "default-src 'self'", "default-src 'self' cdn.example.com"},
		{"X-Frame-Options", "deny", "sameorigin"},
		{"X-XSS-Protection", "1", "1; mode=block"},
		{"Clear-Site-Data", "cache", "cookies"},
		{"Public-Key-Pins", "a", "b"},
		{"Content-Language", "en", "de"},
	} {
		update(f[0], f[1], f[2])
	}
	all = append(all,
		seq("what the 304 leaves out stays", miss("Cache-Control: max-age=1", `ETag: "v"`, "Test-Header: a"), confirmed("Cache-Control: max-age=3600", `ETag: "v"`).after(pause).having("Test-Header: a"), hit("Test-Header: a")),
		seq("Cache-Control", miss("Cache-Control: max-age=1", `ETag: "v"`), confirmed("Cache-Control: max-age=3600").after(pause), hit("Cache-Control: max-age=3600").after(pause)),
		seq("Expires", miss("Expires: @1s", "Date: @0s", `ETag: "v"`), confirmed("Expires: @1h", "Date: @0s").after(pause), hit().after(pause)),
		seq("the age begins again", miss("Cache-Control: max-age=2", `ETag: "v"`), confirmed().after(pause).having("Cache-Control: max-age=2"), hit("Age: 1").after(pause/3), confirmed().after(pause)),
		seq("what describes the body stays",
			miss("Cache-Control: max-age=1", `ETag: "v"`, "Content-Encoding: x", "Content-MD5: a"),
			confirmed("Cache-Control: max-age=60", "Content-Encoding: y", "Content-MD5: b", "Content-Range: bytes 0-0/1").after(pause).having("Content-Encoding: x", "Content-MD5: a").without("Content-Range"),
			hit("Content-Encoding: x", "Content-Length: 8").showing("answer 1")),
		seq("a 304 that forbids storing ends the stored answer", miss("Cache-Control: max-age=1", `ETag: "v"`), confirmed("Cache-Control: no-store").after(pause).showing("answer 1"), miss().after(pause)),
		seq("a 304 that sets a cookie gives it to one client", miss("Cache-Control: max-age=1", `ETag: "v"`), confirmed("Cache-Control: max-age=60", "Set-Cookie: a=b").after(pause).having("Set-Cookie: a=b"), miss().after(pause).without("Set-Cookie")),
	)
	conform(t, all...)
}

func TestConformanceHEAD(t *testing.T) {
	t.Parallel()
	brief := miss("Cache-Control: max-age=2", `ETag: "a"`, "Template: 1")
	conform(t,
		seq("is answered by a stored GET", miss("Cache-Control: max-age=60"), hit("Content-Length: 8").by("HEAD").showing("")),
		seq("does not fill", miss("Cache-Control: max-age=60").by("HEAD"), miss()),
		seq("goes through when the GET is stale", brief, miss(`ETag: "a"`).by("HEAD").after(pause)),
		seq("refreshes a GET that it confirms", brief, miss("Cache-Control: max-age=60", `ETag: "a"`, "Template: 2").by("HEAD").after(pause), hit("Template: 2", "Cache-Control: max-age=60").after(pause).showing("answer 1")),
		seq("ends a GET that it contradicts", brief, miss("Cache-Control: max-age=60", `ETag: "b"`).by("HEAD").after(pause), miss().asking("Cache-Control: max-stale").telling("If-None-Match: ")),
		seq("ends one of another length", miss("Cache-Control: max-age=2").saying("four"), miss("Cache-Control: max-age=60", "Content-Length: 5").by("HEAD").after(pause), miss().asking("Cache-Control: max-stale")),
	)
}

func TestConformanceHeaders(t *testing.T) {
	t.Parallel()
	lasting := "Cache-Control: max-age=3600"
	var all []sequence
	for _, f := range []string{
		"Test-Header: x", "X-Test-Header: x", "Content-Type: text/plain", "X-Frame-Options: deny", "X-XSS-Protection: 1",
		"Clear-Site-Data: cookies", "Public-Key-Pins: x", "Strict-Transport-Security: max-age=1", "WWW-Authenticate: Basic",
		"Content-Disposition: attachment", "Content-Security-Policy: default-src 'self'", "Link: </a>; rel=preload", "Content-Encoding: x",
	} {
		all = append(all, seq(f, miss(lasting, f), hit(f).after(pause)))
	}
	for _, f := range []string{"Proxy-Authenticate: x", "Proxy-Authentication-Info: x", "Keep-Alive: timeout=5", "Proxy-Connection: x", "Te: x", "Upgrade: x"} {
		name, _, _ := strings.Cut(f, ":")
		all = append(all, seq(name+" is not stored", miss(lasting, f).either(), hit().without(name)))
	}
	all = append(all,
		seq("what Connection lists", miss(lasting, "Connection: a, b", "A: 1", "B: 2", "C: 3").either(), hit("C: 3").without("Connection", "A", "B")),
		seq("Set-Cookie is never replayed", miss(lasting, "Set-Cookie: a=b").having("Set-Cookie: a=b"), miss().without("Set-Cookie")),
		seq("the query tells pages apart", miss(lasting).at("/r?test=1"), hit().at("/r?test=1"), miss().at("/r?test=2")),
		seq("Content-Length is the body's", miss(lasting).saying("four"), hit("Content-Length: 4")),
	)
	conform(t, all...)
}

func TestConformanceStale(t *testing.T) {
	t.Parallel()
	var all []sequence
	for _, forbids := range []string{"must-revalidate", "proxy-revalidate", "no-cache", "s-maxage=2"} {
		all = append(all,
			seq(forbids+" and a failure", miss("Cache-Control: max-age=2, stale-if-error=60, "+forbids), miss().code(503).after(pause)),
			seq(forbids+" and a refresh", miss("Cache-Control: max-age=2, stale-while-revalidate=60, "+forbids), miss().after(pause).showing("answer 2")),
			seq(forbids+" and no connection", miss("Cache-Control: max-age=2, stale-if-error=60, "+forbids), miss().breaks().seen(502).after(pause)),
		)
	}
	sie := miss("Cache-Control: max-age=2, stale-if-error=60")
	stands := func() step { return miss().after(pause).seen(200).showing("answer 1") }
	all = append(all,
		seq("without a word a failure is passed on", miss("Cache-Control: max-age=2"), miss().code(503).after(pause)),
		seq("stale-if-error, 500", sie, stands().code(500).seen(200)),
		seq("stale-if-error, 502", sie, stands().code(502).seen(200)),
		seq("stale-if-error, 503", sie, stands().code(503).seen(200)),
		seq("stale-if-error, 504", sie, stands().code(504).seen(200)),
		seq("stale-if-error, no connection", sie, stands().breaks()),
		seq("stale-if-error is not for 404", sie, miss().code(404).after(pause)),
		seq("stale-if-error ends", miss("Cache-Control: max-age=0, stale-if-error=1"), miss().code(500).after(pause)),
		seq("stale-if-error at once", miss("Cache-Control: max-age=0, stale-if-error=3600"), stands().code(500).seen(200)),
		seq("stale-if-error does not hide an answer", sie, miss().after(pause).showing("answer 2")),
		seq("stale-if-error of a request is no permission", miss("Cache-Control: max-age=0"), miss().code(500).after(pause).asking("Cache-Control: stale-if-error=1")),
		seq("stale-while-revalidate",
			miss("Cache-Control: max-age=0, stale-while-revalidate=3600", `ETag: "abc"`),
			hit().either().sends("Cache-Control: max-age=3600", `ETag: "def"`).having("Cache-Control: max-age=0, stale-while-revalidate=3600", `ETag: "abc"`).showing("answer 1"),
			hit("Cache-Control: max-age=3600", `ETag: "def"`).after(pause).showing("answer 2")),
		seq("stale-while-revalidate ends", miss("Cache-Control: max-age=1, stale-while-revalidate=1"), miss().after(pause).showing("answer 2")),
		seq("stale-while-revalidate outlasts a failed refresh",
			miss("Cache-Control: max-age=1, stale-while-revalidate=60"), hit().either().code(503).seen(200).after(pause).showing("answer 1"),
			hit().either().after(pause).showing("answer 1").sends("Cache-Control: max-age=60"), hit().showing("answer 3")),
	)
	conform(t, all...)
}

func TestConformanceInterimAnswers(t *testing.T) {
	t.Parallel()
	lasting := miss("Cache-Control: max-age=100000", "Date: @0s")
	conform(t,
		seq("102", lasting.first(interim{status: 102}), hit().after(pause)),
		seq("103", lasting.first(interim{status: 103, fields: []string{"Link: </styles.css>; rel=preload; as=style", "X-My-Header: test"}}),
			hit().after(pause).without("Link", "X-My-Header").showing("answer 1")),
		seq("several", lasting.first(interim{status: 102}, interim{status: 103, fields: []string{"Link: </a>"}}), hit().without("Link")),
		seq("103 before an answer of another status", lasting.code(404).first(interim{status: 103, fields: []string{"Link: </a>"}}), hit().seen(404).without("Link")),
	)
}
