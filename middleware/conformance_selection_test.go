package middleware_test

import (
	"fmt"
	"testing"
)

func TestConformanceVary(t *testing.T) {
	t.Parallel()
	lasting := "Cache-Control: max-age=5000"
	one := miss(lasting, "Vary: Foo").asking("Foo: 1")
	three := miss(lasting, "Vary: Foo, Bar, Baz").asking("Foo: 1", "Bar: abc", "Baz: 789")
	all := []sequence{
		seq("the same", one, hit().asking("Foo: 1")),
		seq("another", one, miss().asking("Foo: 2")),
		seq("none", one, miss()),
		seq("none when it was stored", miss(lasting, "Vary: Foo"), miss().asking("Foo: 1")),
		seq("empty is not absent", miss(lasting, "Vary: Foo"), miss().asking("Foo: ")),
		seq("none both times", miss(lasting, "Vary: Foo"), hit()),
		seq("the name in another case", miss(lasting, "Vary: fOO").asking("Foo: 1"), hit().asking("foo: 1"), miss().asking("foo: 2")),
		seq("another variant leaves the first", one, miss(lasting, "Vary: Foo").asking("Foo: 2"), hit().asking("Foo: 1").showing("answer 1"), hit().asking("Foo: 2").showing("answer 2")),
		seq("what Vary does not name", one, hit().asking("Foo: 1", "Other: 3")),
		seq("three the same", three, hit().asking("Foo: 1", "Bar: abc", "Baz: 789")),
		seq("three in another order", three, hit().asking("Baz: 789", "Bar: abc", "Foo: 1")),
		seq("one of three another", three, miss().asking("Foo: 1", "Bar: abcd", "Baz: 789")),
		seq("one of three left out", three, miss().asking("Foo: 1", "Baz: 789")),
		seq("one of three left out both times", miss(lasting, "Vary: Foo, Bar, Baz").asking("Foo: 1", "Baz: 789"), hit().asking("Foo: 1", "Baz: 789")),
		seq("on several lines", miss(lasting, "Vary: Foo", "Vary: Bar").asking("Foo: 1", "Bar: 2"), hit().asking("Foo: 1", "Bar: 2"), miss().asking("Foo: 1", "Bar: 3")),
		seq("a field on two lines is one joined", miss(lasting, "Vary: Foo").asking("Foo: 1, 2"), hit().asking("Foo: 1", "Foo: 2"), miss().asking("Foo: 2", "Foo: 1")),
		seq("blanks around a value", one, hit().asking("Foo:  1 ")),
		seq("Cookie", miss(lasting+", public", "Vary: Cookie").asking("Cookie: a=1"), hit().asking("Cookie: a=1"), miss().asking("Cookie: a=2")),
		seq("a later answer without Vary is the newer rule", one, miss(lasting).asking("Foo: 2"), hit().asking("Foo: 3").showing("answer 2")),
	}
	for _, star := range [][]string{{"*"}, {"*, *"}, {"*", "*"}, {", *"}, {"", "*"}, {"*, Foo"}, {"Foo, *"}, {"Foo", "*"}} {
		fields := []string{lasting}
		for _, line := range star {
			fields = append(fields, "Vary: "+line)
		}
		all = append(all, seq(fmt.Sprintf("star %q", star), miss(fields...).asking("Foo: 1"), miss().asking("Foo: 1")))
	}
	conform(t, all...)
}

func TestConformanceAuthorization(t *testing.T) {
	t.Parallel()
	as := "Authorization: Basic YTpi"
	conform(t,
		seq("is forwarded and not stored", miss("Expires: @720h", "Date: @0s").asking(as).telling(as), miss()),
		seq("not even for the same", miss("Cache-Control: max-age=60").asking(as), miss().asking(as)),
		seq("public", miss("Cache-Control: max-age=60, public").asking(as).telling(as), hit()),
		seq("must-revalidate", miss("Cache-Control: max-age=60, must-revalidate").asking(as), hit()),
		seq("s-maxage", miss("Cache-Control: s-maxage=60").asking(as), hit()),
		seq("proxy-revalidate is no permission", miss("Cache-Control: max-age=60, proxy-revalidate").asking(as), miss()),
		seq("an answer for others", miss("Cache-Control: max-age=60"), miss().asking(as), hit()),
	)
}

func TestConformanceTargeted(t *testing.T) {
	t.Parallel()
	var all []sequence
	fresh := func(name string, fields ...string) {
		all = append(all, seq(name, miss(fields...), hit().after(pause)))
	}
	stale := func(name string, fields ...string) {
		all = append(all, seq(name, miss(fields...), miss().after(pause)))
	}
	cdn := "CDN-Cache-Control: "
	fresh("max-age", cdn+"max-age=3600")
	fresh("max-age of 2^31", cdn+"max-age=2147483648")
	fresh("max-age beyond 2^31", cdn+"max-age=99999999999")
	stale("an Age beyond it", "Date: @0s", cdn+"max-age=3600", "Age: 7200")
	stale("max-age=0", cdn+"max-age=0")
	stale("max-age=0 and a future Expires", cdn+"max-age=0", "Expires: @10000s", "Date: @0s")
	fresh("an extension", cdn+"foobar, max-age=3600")
	fresh("a past Expires", cdn+"max-age=3600", "Expires: @-10000s", "Date: @0s")
	fresh("a broken Expires", cdn+"max-age=3600", "Expires: 0", "Date: @0s")
	fresh("longer than Cache-Control", "Cache-Control: max-age=1", cdn+"max-age=3600")
	stale("shorter than Cache-Control", "Cache-Control: max-age=3600", cdn+"max-age=1")
	stale("private", "Cache-Control: max-age=3600", cdn+"private")
	stale("no-cache", "Cache-Control: max-age=3600", cdn+"no-cache", "Expires: @1h", "Date: @0s")
	stale("no-store", "Cache-Control: max-age=3600", cdn+"no-store")
	fresh("instead of no-store", "Cache-Control: no-store", cdn+"max-age=3600")
	stale("an unknown type is ignored", "Cache-Control: no-store", cdn+"max-age=3600, &&&&&")
	stale("a wrong type is ignored", "Cache-Control: no-store", cdn+`max-age="3600"`)
	stale("a blank before the =", "Cache-Control: max-age=1", cdn+"max-age =3600")
	stale("a blank after the =", "Cache-Control: max-age=1", cdn+"max-age= 3600")
	fresh("a broken one leaves Cache-Control", "Cache-Control: max-age=3600", cdn+"max-age=a b")
	fresh("an empty one leaves Cache-Control", "Cache-Control: max-age=3600", cdn)
	all = append(all, seq("it is passed on", miss("Cache-Control: max-age=60", cdn+"foo, max-age=60"), hit(cdn+"foo, max-age=60")))
	conform(t, all...)
}

func TestConformanceInvalidation(t *testing.T) {
	t.Parallel()
	lasting := miss("Cache-Control: max-age=100000", "Expires: @100000s", "Last-Modified: @0s", "Date: @0s")
	var all []sequence
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "M-SEARCH", "FOO"} {
		all = append(all,
			seq(method+" succeeds", lasting, miss().by(method), miss()),
			seq(method+" redirects", lasting, miss("Location: http://elsewhere.example/").by(method).code(303), miss()),
			seq(method+" fails", lasting, miss().by(method).code(500), hit()),
			seq(method+" is refused", lasting, miss().by(method).code(403), hit()),
		)
		for _, name := range []string{"Location", "Content-Location"} {
			all = append(all,
				seq(method+" "+name, lasting.at("/other"), miss(name+": /other").by(method), miss().at("/other")),
				seq(method+" "+name+" with its host", lasting.at("/other"), miss(name+": http://cache.example/other").by(method), miss().at("/other")),
				seq(method+" "+name+" of another host", lasting.at("/other"), miss(name+": http://elsewhere.example/other").by(method), hit().at("/other")),
			)
		}
	}
	for _, method := range []string{"OPTIONS", "TRACE"} {
		all = append(all, seq(method+" is safe", lasting, miss().by(method), hit()))
	}
	all = append(all, seq("all variants go",
		miss("Cache-Control: max-age=60", "Vary: Foo").asking("Foo: 1"), miss("Cache-Control: max-age=60", "Vary: Foo").asking("Foo: 2"),
		miss().by("POST"), miss().asking("Foo: 1"), miss().asking("Foo: 2")))
	conform(t, all...)
}

func TestConformancePartialContent(t *testing.T) {
	t.Parallel()
	whole := miss("Cache-Control: max-age=3600", `ETag: "a"`).saying("0123456789A")
	part := func(asked, shown, contentRange string) step {
		return hit("Content-Range: " + contentRange).asking("Range: " + asked).seen(206).showing(shown)
	}
	conform(t,
		seq("from the start", whole, part("bytes=0-1", "01", "bytes 0-1/11")),
		seq("to the end", whole, part("bytes=1-", "123456789A", "bytes 1-10/11")),
		seq("the last", whole, part("bytes=-1", "A", "bytes 10-10/11")),
		seq("beyond the end", whole, part("bytes=9-99", "9A", "bytes 9-10/11")),
		seq("behind the end", whole, hit("Content-Range: bytes */11").asking("Range: bytes=11-").seen(416)),
		seq("several", whole, hit().asking("Range: bytes=0-0,2-2").seen(206)),
		seq("another unit", whole, hit().asking("Range: lines=0-0").seen(416).either()),
		seq("If-Range holds", whole, part("bytes=0-1", "01", "bytes 0-1/11").asking("Range: bytes=0-1", `If-Range: "a"`)),
		seq("If-Range does not", whole, hit().asking("Range: bytes=0-1", `If-Range: "b"`).showing("0123456789A")),
		seq("If-Range is weak", whole, hit().asking("Range: bytes=0-1", `If-Range: W/"a"`).showing("0123456789A")),
		seq("If-None-Match first", whole, hit().asking("Range: bytes=0-1", `If-None-Match: "a"`).seen(304)),
		seq("HEAD has no parts", whole, hit("Content-Length: 11").by("HEAD").asking("Range: bytes=0-1")),
		seq("a part is passed on and not stored",
			miss("Cache-Control: max-age=3600", "Content-Range: bytes 4-8/10").code(206).saying("45678").asking("Range: bytes=4-8").telling("Range: bytes=4-8").showing("45678"),
			miss("Cache-Control: max-age=3600").showing("answer 2"), hit().showing("answer 2")),
		seq("a stale whole is not cut up", miss("Cache-Control: max-age=1"), miss("Content-Range: bytes 0-0/9").code(206).saying("x").after(pause).asking("Range: bytes=0-0").telling("Range: bytes=0-0")),
	)
}
