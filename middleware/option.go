package middleware

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/cachewright/cachewright/internal/rfc9111"
)

// Defaults of the options.
const (
	DefaultName        = "Cachewright"    // this cache's name in Cache-Status
	DefaultMaxLifetime = 10 * time.Minute // how long stamps alone may vouch for a page
	DefaultMaxBody     = 1 << 20          // bytes
	DefaultMaxInFlight = 64 << 20         // bytes
	DefaultMaxVariants = 32
	DefaultWait        = 10 * time.Second
)

// Option configures [Shared] and [PerUser]. A bad one makes them panic with a sentence that says what is wrong.
type Option func(*settings)

type settings struct {
	name            string
	space           string
	spaced          bool
	cookies         map[string]bool // names the application reads; nil: not said
	authenticated   func(*http.Request) bool
	key             func(*http.Request) string
	defaultLifetime time.Duration
	maxLifetime     time.Duration
	maxBody         int
	maxInFlight     int64
	maxVariants     int
	wait            time.Duration
	fields          map[string]fieldClass // what the options say of request fields, by canonical name
	forwarded       bool
	targeted        bool
	strong          bool
	ignoreReload    bool
	development     bool
	coalesce        bool
	heuristic       bool
	negotiate       bool
	query           *queryRule
	version         string
	showKey         bool
	surrogates      []string // fields, canonical
	dropCookies     bool
	staleRefresh    time.Duration
	staleError      time.Duration
	jitter          float64
	recorder        func(Event)
	errs            []error
}

// newSettings applies the options to the defaults and panics if one of them is bad.
func newSettings(door string, opts []Option) settings {
	s := settings{
		name: DefaultName, maxLifetime: DefaultMaxLifetime, maxBody: DefaultMaxBody, maxInFlight: DefaultMaxInFlight,
		maxVariants: DefaultMaxVariants, wait: DefaultWait, fields: map[string]fieldClass{},
		forwarded: true, targeted: true, coalesce: true,
	}
	for _, opt := range opts {
		if opt == nil {
			s.errs = append(s.errs, errors.New("a nil Option"))
			continue
		}
		opt(&s)
	}
	if err := errors.Join(s.errs...); err != nil {
		panic(fmt.Sprintf("middleware.%s: %v", door, err))
	}
	return s
}

func (s *settings) refuse(format string, args ...any) {
	s.errs = append(s.errs, fmt.Errorf(format, args...))
}

// Space lets several doors of one engine share their entries. Without it every call of Shared and PerUser has entries of
// its own. Doors of one space must serve the same pages under the same URLs and have the same options.
func Space(name string) Option {
	return func(s *settings) {
		if name == "" {
			s.refuse("Space needs a name")
		}
		s.space, s.spaced = name, true
	}
}

// Cookies names the cookies the application reads. A request that carries one of them passes Shared by (reason
// "cookie"); under PerUser their values are part of the key. All other cookies are removed from the request the
// handler sees, so that no page can depend on them. Cookies() without names removes them all.
//
// Without this option Shared hands a request with any cookie only pages that say `public` or `s-maxage`, and PerUser
// has the whole Cookie field in the key.
func Cookies(names ...string) Option {
	return func(s *settings) {
		if s.cookies == nil {
			s.cookies = map[string]bool{}
		}
		for _, name := range names {
			if !rfc9111.ValidName(name) {
				s.refuse("Cookies(%q): that is no name of a cookie", name)
			}
			s.cookies[name] = true
		}
	}
}

// Authenticated makes Shared treat the requests for which f is true as if they carried Authorization: f looks for what an
// outer middleware left in the request's context. PerUser needs no such function and does not call it.
func Authenticated(f func(*http.Request) bool) Option {
	return func(s *settings) {
		if f == nil {
			s.refuse("Authenticated needs a function")
		}
		s.authenticated = f
	}
}

// Key adds f's answer to the key of every page: a tenant, a role, a feature flag that an outer middleware put into the
// request's context.
func Key(f func(*http.Request) string) Option {
	return func(s *settings) {
		if f == nil {
			s.refuse("Key needs a function")
		}
		s.key = f
	}
}

// DefaultLifetime stores pages that are neither tracked nor say how long they stay fresh. It never overrides no-store,
// private, Set-Cookie or Authorization, nor a handler that wrote. Default: none; such pages are not stored.
func DefaultLifetime(d time.Duration) Option {
	return func(s *settings) {
		if d <= 0 {
			s.refuse("DefaultLifetime(%v): the lifetime must be above 0", d)
		}
		s.defaultLifetime = d
	}
}

// MaxLifetime bounds how long a tracked page is served although its stamps are valid, for templates, code and flags
// change, too. Default [DefaultMaxLifetime]; 0 means no bound.
func MaxLifetime(d time.Duration) Option {
	return func(s *settings) {
		if d < 0 {
			s.refuse("MaxLifetime(%v): the bound must not be below 0", d)
		}
		s.maxLifetime = d
	}
}

// Heuristic stores answers that nothing else gives a lifetime for a tenth of the time since their Last-Modified, at most 24
// hours, if their status allows it or they say `public` (RFC 9111 section 4.2.2). By default they are not stored.
func Heuristic() Option { return func(s *settings) { s.heuristic = true } }

// StaleWhileRevalidate lets pages whose lifetime ended be served for d more while they are made again in the background, as if
// their handlers had said stale-while-revalidate. It holds for pages with explicit freshness that may be served stale at
// all; never for one something of which has changed. Default: only what handlers say.
func StaleWhileRevalidate(d time.Duration) Option {
	return func(s *settings) {
		if d <= 0 {
			s.refuse("StaleWhileRevalidate(%v): the window must be above 0", d)
		}
		s.staleRefresh = d
	}
}

// StaleIfError lets pages whose lifetime ended stand in for d more when their handler fails (500, 502, 503, 504, a panic, a
// deadline), as if it had said stale-if-error. Default: only what handlers say.
func StaleIfError(d time.Duration) Option {
	return func(s *settings) {
		if d <= 0 {
			s.refuse("StaleIfError(%v): the window must be above 0", d)
		}
		s.staleError = d
	}
}

// Jitter shortens each page's lifetime by a random part of it, up to fraction, so that pages made together are not due together.
func Jitter(fraction float64) Option {
	return func(s *settings) {
		if !(fraction > 0 && fraction < 1) {
			s.refuse("Jitter(%v): a fraction between 0 and 1 is needed", fraction)
		}
		s.jitter = fraction
	}
}

// StripSetCookie stores answers that set cookies without them: the one the handler answers gets them, those answered from the
// store do not. By default such an answer is not stored at all.
func StripSetCookie() Option { return func(s *settings) { s.dropCookies = true } }

// MaxBody is the largest body that is kept, in bytes; longer ones pass through as they are written. Default [DefaultMaxBody].
func MaxBody(bytes int) Option {
	return func(s *settings) {
		if bytes <= 0 {
			s.refuse("MaxBody(%d): the bound must be above 0", bytes)
		}
		s.maxBody = bytes
	}
}

// MaxInFlight bounds the bytes of bodies this door holds while handlers write them; beyond it answers pass through as they
// are written. Default [DefaultMaxInFlight].
func MaxInFlight(bytes int64) Option {
	return func(s *settings) {
		if bytes <= 0 {
			s.refuse("MaxInFlight(%d): the bound must be above 0", bytes)
		}
		s.maxInFlight = bytes
	}
}

// MaxVariants is how many variants of one URL are kept; the oldest one makes room. Default [DefaultMaxVariants].
func MaxVariants(n int) Option {
	return func(s *settings) {
		if n <= 0 {
			s.refuse("MaxVariants(%d): the bound must be above 0", n)
		}
		s.maxVariants = n
	}
}

// Wait is how long a request waits for another one that is making the same page, before it runs the handler itself, and how
// long a store outside the process may take for a page (no client waits for it longer than 50 ms). Default [DefaultWait].
func Wait(d time.Duration) Option {
	return func(s *settings) {
		if d <= 0 {
			s.refuse("Wait(%v): the time must be above 0; WithoutCoalescing turns waiting off", d)
		}
		s.wait = d
	}
}

// WithoutCoalescing makes every miss run its handler, also when another one is making the same page.
func WithoutCoalescing() Option { return func(s *settings) { s.coalesce = false } }

// NeutralFields adds request fields to the neutral list: pages stored on their stamps alone are not keyed by them. Under
// PerUser a field that carries credentials leaves the key, too; under Shared it counts as Authorization all the same.
func NeutralFields(names ...string) Option {
	return func(s *settings) { s.classify("NeutralFields", fieldNeutral, names) }
}

// KeyedFields takes request fields off the neutral list: pages stored on their stamps alone are keyed by them.
func KeyedFields(names ...string) Option {
	return func(s *settings) { s.classify("KeyedFields", fieldKeyed, names) }
}

func (s *settings) classify(option string, class fieldClass, names []string) {
	for _, name := range names {
		if !rfc9111.ValidName(name) {
			s.refuse("%s(%q): that is no name of a header field", option, name)
		}
		s.fields[http.CanonicalHeaderKey(name)] = class
	}
}

// IgnoreParameters leaves parameters of the query out of the key: pages that differ only in them are one. The handler sees them
// all the same. A name that ends with "*" stands for all that start like it: "utm_*". Names are compared decoded.
func IgnoreParameters(names ...string) Option { return parameters("IgnoreParameters", false, names) }

// OnlyParameters leaves all parameters of the query but these out of the key. It excludes IgnoreParameters.
func OnlyParameters(names ...string) Option { return parameters("OnlyParameters", true, names) }

func parameters(option string, only bool, names []string) Option {
	return func(s *settings) {
		if s.query != nil && s.query.only != only {
			s.refuse("IgnoreParameters and OnlyParameters exclude each other")
			return
		}
		if slices.Contains(names, "") {
			s.refuse("%s(%q): a parameter needs a name", option, names)
		}
		if s.query == nil {
			s.query = &queryRule{only: only}
		}
		s.query.add(names)
	}
}

// Negotiate makes requests one that differ only in how Accept-Encoding and Accept-Language are written: case, blanks and order.
func Negotiate() Option { return func(s *settings) { s.negotiate = true } }

// WithVersion names the code and templates that pages are made by: in a store that several processes share, pages of
// another version are misses. Default: the revision the binary was built from, if its source was not changed since; with neither
// no other process reads the pages. It has no effect without [Space].
func WithVersion(version string) Option {
	return func(s *settings) {
		if version == "" {
			s.refuse("WithVersion needs a version")
		}
		s.version = version
	}
}

// ShowKey adds to Cache-Status what the page is keyed by, for developers: URLs and request fields that only their sender should
// see. By default nothing is shown.
func ShowKey() Option { return func(s *settings) { s.showKey = true } }

// SurrogateKeys adds opaque keys of what each stored page stands on to these fields, for a cache outside that purges by keys:
// "Surrogate-Key", or "Cache-Tag", whose keys are parted by commas. Purge what [coherence.Engine.SurrogateKeys] says when
// [coherence.Engine.OnCommit] is told of a write. A page of more than 128 keys says CDN-Cache-Control: no-store instead.
func SurrogateKeys(fields ...string) Option {
	return func(s *settings) {
		if len(fields) == 0 {
			s.refuse("SurrogateKeys needs a field")
		}
		for _, name := range fields {
			if !rfc9111.ValidName(name) {
				s.refuse("SurrogateKeys(%q): that is no name of a header field", name)
			}
			s.surrogates = append(s.surrogates, http.CanonicalHeaderKey(name))
		}
	}
}

// WithoutForwarded leaves X-Forwarded-Host, -Proto and -Prefix, X-Original-URL, X-Rewrite-URL and X-HTTP-Method-Override, and
// what Forwarded says of host and protocol, out of the key. It is safe only where the application never reads them, or where they come from a trusted proxy that
// sets them the same for the same URL.
func WithoutForwarded() Option { return func(s *settings) { s.forwarded = false } }

// WithoutTargeted ignores CDN-Cache-Control; by default it is honoured in place of Cache-Control and Expires.
func WithoutTargeted() Option { return func(s *settings) { s.targeted = false } }

// StrongETag makes generated entity tags strong, for where no middleware outside this one compresses answers.
func StrongETag() Option { return func(s *settings) { s.strong = true } }

// IgnoreReload ignores no-cache and max-age=0 of requests. By default they make pages that are not tracked run the handler
// again; a tracked page is validated by its stamps and served.
func IgnoreReload() Option { return func(s *settings) { s.ignoreReload = true } }

// Development logs every refusal with the file and line that caused it, and lets a reload (no-cache, max-age=0) run the
// handler for tracked pages, too.
func Development() Option { return func(s *settings) { s.development = true } }

// StatusName is this cache's name in Cache-Status. Default [DefaultName].
func StatusName(name string) Option {
	return func(s *settings) {
		if name == "" || !printable(name) {
			s.refuse("StatusName(%q): a name of printable ASCII is needed", name)
		}
		s.name = name
	}
}

// WithRecorder calls f once for every request, on the request's goroutine, after its answer was handed over; and once
// more, on whatever goroutine, for a handler that reads after it returned. Nothing is measured without it.
func WithRecorder(f func(Event)) Option {
	return func(s *settings) {
		if f == nil {
			s.refuse("WithRecorder needs a function")
		}
		s.recorder = f
	}
}

// shorten is a page's lifetime with its jitter.
func (s *settings) shorten(lifetime time.Duration) time.Duration {
	if s.jitter == 0 || lifetime == unbounded {
		return lifetime
	}
	return lifetime - time.Duration(rand.Float64()*s.jitter*float64(lifetime)) //nolint:gosec // spreads expiry, guards nothing
}

func printable(s string) bool {
	return !slices.ContainsFunc([]byte(s), func(c byte) bool { return c < ' ' || c > '~' })
}
