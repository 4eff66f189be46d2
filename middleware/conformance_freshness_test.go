package middleware_test

import (
	"fmt"
	"testing"
	"time"
)

const pause = 3 * time.Second

func TestConformanceFreshness(t *testing.T) {
	t.Parallel()
	var all []sequence
	fresh := func(name string, fields ...string) {
		all = append(all, seq(name, miss(fields...), hit().after(pause).showing("answer 1")))
	}
	stale := func(name string, fields ...string) {
		all = append(all, seq(name, miss(fields...), miss().after(pause).showing("answer 2")))
	}
	stale("without freshness or a validator")
	fresh("max-age", "Cache-Control: max-age=3600")
	fresh("max-age of 2^31", "Cache-Control: max-age=2147483648")
	fresh("max-age beyond 2^31", "Cache-Control: max-age=99999999999")
	stale("max-age=0", "Cache-Control: max-age=0")
	stale("a short max-age", "Cache-Control: max-age=2")
	stale("an Age beyond max-age", "Date: @0s", "Cache-Control: max-age=3600", "Age: 7200")
	fresh("max-age before a past Expires", "Cache-Control: max-age=3600", "Expires: @-10000s", "Date: @0s")
	fresh("max-age before a broken Expires", "Cache-Control: max-age=3600", "Expires: 0", "Date: @0s")
	stale("max-age=0 before a future Expires", "Expires: @10000s", "Cache-Control: max-age=0", "Date: @0s")
	fresh("an extension beside max-age", "Cache-Control: foobar, max-age=3600")
	fresh("s-maxage", "Cache-Control: s-maxage=3600")
	stale("a short s-maxage before a long max-age", "Cache-Control: max-age=3600, s-maxage=1")
	stale("the same in the other order", "Cache-Control: s-maxage=1, max-age=3600")
	stale("the same on two lines", "Cache-Control: max-age=3600", "Cache-Control: s-maxage=1")
	fresh("a long s-maxage before a short max-age", "Cache-Control: max-age=1, s-maxage=3600")
	stale("s-maxage=0 before a future Expires", "Expires: @10000s", "Cache-Control: s-maxage=0", "Date: @0s")
	fresh("a slow Date and max-age", "Date: @-100s", "Cache-Control: max-age=3600")
	stale("a Date older than max-age", "Date: @-3600s", "Cache-Control: max-age=1000")
	conform(t, all...)
}

func TestConformanceCacheControl(t *testing.T) {
	t.Parallel()
	var all []sequence
	fresh := func(value string) {
		all = append(all, seq("fresh "+value, miss("Cache-Control: "+value), hit().after(pause)))
	}
	stale := func(value string) {
		all = append(all, seq("stale "+value, miss("Cache-Control: "+value), miss().after(pause)))
	}
	fresh("MaX-aGe=3600")
	fresh(`max-age="3600"`)
	fresh("max-age=003600")
	fresh("max-age=3600,")
	fresh(", ,max-age=3600")
	fresh("foo=1;bar, max-age=3600")
	fresh(`extension="max-age=1", max-age=3600`)
	stale(`extension="max-age=3600", max-age=1`)
	stale(`max-age=1, extension="max-age=3600"`)
	stale(`extension="max-age=3600"`)
	stale("max-age='3600'")
	stale("max-age=3600.5")
	stale("max-age=3600.0")
	stale("max-age=a3600")
	stale("max-age=3600a")
	stale("max-age=-3600")
	stale("max-age =3600")
	stale("max-age= 3600")
	stale("max-age=3600, max-age=1")
	stale("max-age=1, max-age=3600")
	stale("max-age=3600, no-store")
	stale("max-age=3600, No-StOrE")
	stale("max-age=3600, private")
	stale(`max-age=3600, private="x"`)
	stale("max-age=3600, no-cache")
	stale("max-age=3600, No-CaChE")
	stale(`max-age=3600, no-cache="x"`)
	stale("no-store")
	stale("private")
	stale("no-cache")
	all = append(all,
		seq("no-store, with Expires", miss("Cache-Control: no-store", "Expires: @1h", "Date: @0s"), miss()),
		seq("no-cache is stored and confirmed by ETag", miss("Cache-Control: no-cache", `ETag: "a"`), confirmed().showing("answer 1")),
		seq("no-cache is stored and confirmed by Last-Modified",
			miss("Cache-Control: no-cache", "Last-Modified: @-1h"), confirmed().showing("answer 1")),
		seq("no-cache and max-age likewise",
			miss("Cache-Control: max-age=3600, no-cache", `ETag: "a"`), confirmed(`ETag: "a"`).showing("answer 1")),
		seq("no-cache is asked about each time", miss("Cache-Control: no-cache", `ETag: "a"`), confirmed(), confirmed(), miss(`ETag: "b"`).telling(`If-None-Match: "a"`)),
		seq("must-revalidate while it is fresh", miss("Cache-Control: max-age=3600, must-revalidate", `ETag: "a"`), hit().after(pause)),
		seq("must-revalidate when it is stale",
			miss("Cache-Control: max-age=2, must-revalidate", `ETag: "a"`), hit(), confirmed("Cache-Control: max-age=2, must-revalidate", `ETag: "a"`).after(pause), hit()),
		seq("must-understand with a status that is known", miss("Cache-Control: max-age=60, must-understand, no-store"), hit()),
		seq("must-understand with one that is not", miss("Cache-Control: max-age=60, must-understand").code(599), miss()),
		seq("immutable", miss("Cache-Control: max-age=60, immutable"), hit("Cache-Control: max-age=60, immutable")),
		seq("Pragma in an answer says nothing", miss("Cache-Control: max-age=60", "Pragma: no-cache"), hit()),
	)
	conform(t, all...)
}

func TestConformanceRequestDirectives(t *testing.T) {
	t.Parallel()
	lasting := miss("Cache-Control: max-age=1500", "Last-Modified: @-1h")
	ask := func(value string) string { return "Cache-Control: " + value }
	conform(t,
		seq("max-age=0", lasting, confirmed().asking(ask("max-age=0"))),
		seq("no-cache with a validator", lasting, confirmed().asking(ask("no-cache"))),
		seq("no-cache without one", miss(ask("max-age=60")), miss(ask("max-age=60")).asking(ask("no-cache")), hit().showing("answer 2")),
		seq("Pragma", lasting, confirmed().asking("Pragma: no-cache")),
		seq("Pragma beside Cache-Control", lasting, hit().asking("Pragma: no-cache", ask("foo"))),
		seq("an unknown Pragma", lasting, hit().asking("Pragma: unrecognised-extension")),
		seq("max-age is reached", lasting, confirmed().after(pause).asking(ask("max-age=1"))),
		seq("max-age is not", lasting, hit().after(pause).asking(ask("max-age=10"))),
		seq("max-age and Age", miss(ask("max-age=3600"), "Age: 1800"), miss().asking(ask("max-age=600"))),
		seq("max-stale", miss(ask("max-age=1")), hit().after(pause).asking(ask("max-stale=1000"))),
		seq("max-stale is too short", miss(ask("max-age=1")), miss().after(pause).asking(ask("max-stale=1"))),
		seq("max-stale past must-revalidate", miss(ask("max-age=1, must-revalidate")), miss().after(pause).asking(ask("max-stale=1000"))),
		seq("min-fresh", miss(ask("max-age=1500")), miss().asking(ask("min-fresh=2000"))),
		seq("min-fresh and Age", miss(ask("max-age=1500"), "Age: 1000"), miss().asking(ask("min-fresh=1000"))),
		seq("no-store", miss(ask("max-age=60")), miss().asking(ask("no-store"))),
		seq("no-store does not store", miss(ask("max-age=60")).asking(ask("no-store")), miss()),
		seq("only-if-cached", hit().asking(ask("only-if-cached")).seen(504)),
		seq("only-if-cached when it is", lasting, hit().asking(ask("only-if-cached"))),
	)
}

func TestConformanceExpires(t *testing.T) {
	t.Parallel()
	var all []sequence
	expires := func(value string, fresh bool, more ...string) {
		second := miss().after(pause)
		if fresh {
			second = hit().after(pause)
		}
		all = append(all, seq(fmt.Sprint("Expires ", value, more), miss(append(more, "Expires: "+value)...), second))
	}
	now := "Date: @0s"
	expires("@720h", true, now)
	expires("@-720h", false, now)
	expires("@0s", false, now)
	expires("@300s", false, "Date: @400s")
	expires("0", false, now)
	expires("Thu, 18 Aug 2050 02:01:18 GMT", true, now)
	expires("THU, 18 Aug 2050 02:01:18 GMT", true, now)
	expires("Thu, 18 AUG 2050 02:01:18 GMT", true, now)
	expires("Thu, 18 Aug 2050 02:01:18 gMT", true, now)
	expires("Thu, 18 Aug 2050 02:01:18 UTC", false, now)
	expires("Thu, 18 Aug 50 02:01:18 GMT", false, now)
	expires("Thu 18 Aug 2050 02:01:18 GMT", false, now)
	expires("Thu, 18  Aug  2050 02:01:18 GMT", false, now)
	expires("Thu, 18-Aug-2050 02:01:18 GMT", false, now)
	expires("Thu, 18 Aug 2050 02.01.18 GMT", false, now)
	expires("Thu, 18 Aug 2050 2:01:18 GMT", false, now)
	expires("Friday, 18-Aug-17 02:01:18 GMT", true, now)
	expires("Fri Aug 18 02:01:18 2017", true, now)
	expires("@10s", true, "Date: foo")
	expires("@10s", false, "Date: @-10s", "Age: 25")
	expires("@20s", false, "Date: @10s", "Age: 15")
	expires("@10s", true)
	conform(t, all...)
}

func TestConformanceAge(t *testing.T) {
	t.Parallel()
	lasting := "Cache-Control: max-age=3600"
	conform(t,
		seq("it is made", miss("Expires: @720h", "Date: @0s"), hit("Age: 3").after(pause)),
		seq("it goes on from the origin's, with Expires", miss("Expires: @720h", "Date: @0s", "Age: 30"), hit("Age: 33").after(pause)),
		seq("it goes on from the origin's, with max-age", miss(lasting, "Date: @0s", "Age: 30"), hit("Age: 33").after(pause)),
		seq("Date is not touched", miss("Expires: @720h", "Date: @0s"), hit("Date: @-3s").after(pause)),
		seq("no number", miss(lasting, "Age: abc"), hit("Age: 3").after(pause)),
		seq("a negative one", miss(lasting, "Age: -7200"), hit("Age: 3").after(pause)),
		seq("a fraction", miss(lasting, "Age: 7200.0"), hit("Age: 3").after(pause)),
		seq("the first of a line counts, which is old", miss(lasting, "Age: 7200,0"), miss().after(pause)),
		seq("the first line counts, which is old", miss(lasting, "Age: 7200", "Age: 0"), miss().after(pause)),
		seq("the first of a line counts, which is young", miss(lasting, "Age: 0,7200"), hit("Age: 3").after(pause)),
		seq("the first line counts, which is young", miss(lasting, "Age: 0", "Age: 7200"), hit("Age: 3").after(pause)),
		seq("twice nothing", miss(lasting, "Age: 0, 0"), hit().after(pause)),
		seq("twice old", miss(lasting, "Age: 7200, 7200"), miss().after(pause)),
		seq("beyond 2^31", miss(lasting, "Age: 99999999999"), miss().after(pause)),
	)
}

func TestConformanceStatusCodes(t *testing.T) {
	t.Parallel()
	var all []sequence
	for _, status := range []int{200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 405, 410, 414, 499, 500, 501, 502, 503, 504, 599} {
		name := fmt.Sprint(status)
		all = append(all,
			seq(name+" fresh", miss("Cache-Control: max-age=100000", "Expires: @100000s", "Last-Modified: @0s", "Date: @0s").code(status), hit().seen(status)),
			seq(name+" stale", miss("Expires: @-5000s", "Last-Modified: @-100000s", "Date: @0s").code(status), miss().seen(200).showing("answer 2")),
			seq(name+" without freshness", miss("Last-Modified: @-24h", "Date: @0s").code(status), miss().code(status)),
		)
	}
	for _, status := range []int{206, 304, 428, 429, 431, 511} {
		all = append(all, seq(fmt.Sprint(status, " is never stored"), miss("Cache-Control: max-age=60").code(status), miss()))
	}
	all = append(all, seq("a POST is no GET", miss("Expires: @720h", "Date: @0s").by("POST"), miss()))
	conform(t, all...)
}
