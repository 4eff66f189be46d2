// Package middleware caches whole HTTP answers: an RFC 9111 cache inside the process that knows what pages are made from.
//
// A page whose reads the plugin saw needs no lifetime. It is served while nothing it was made from has changed, carries an
// ETag, and is told to browsers as `no-cache`, so that they ask and get a 304 that costs no handler. Any other page
// follows what its handler says of its freshness, and is not stored if the handler says nothing.
//
// There are two doors. [Shared] stores what any visitor may see; [PerUser] stores pages for one user at a time and wants the
// function that tells users apart. [Track], mounted outermost, makes the reads of other middleware count. Authentication
// goes outside: a hit passes it like any request.
//
//	r.With(middleware.Shared(engine)).Get("/products/{id}", showProduct)
//	r.With(auth, middleware.PerUser(engine, userID)).Get("/orders/{id}", showOrder)
//
// # What the cache cannot see, it keys
//
// A page stored on its stamps alone is keyed by every request field that is not known to say nothing of the page
// (User-Agent, Accept-Encoding, Referer, trace ids and their like; [NeutralFields] and [KeyedFields] change the list). A
// handler that says how long its page stays fresh, or `public`, decides itself: then Vary alone selects. Every key holds
// scheme, host, the URL as sent and as it arrives, the engine's scope, and the forwarding fields that may change what a
// handler believes its URL to be.
//
// # Credentials and cookies
//
// Shared hands nothing to a request with Authorization, or what counts as it (API keys, the fields of authenticating
// proxies, a client certificate, [Authenticated]), unless the page says `public`, `s-maxage` or `must-revalidate`. A request
// with a cookie gets only pages that say `public` or `s-maxage`, until [Cookies] names the cookies the application reads.
// A page that sets a cookie is never stored.
//
// # Compression
//
// The cache may stand outside an encoder, and then stores what it encoded, by Accept-Encoding (answers that were left as
// they are should say Vary: Accept-Encoding, too, or they reach clients that could have had less to read); or inside, and
// then stores the body once and it is encoded on each hit. Because an encoder outside changes bytes without touching the ETag, a
// generated ETag is weak for clients that accept a coding; see [StrongETag].
//
// # Stale pages
//
// A page past its lifetime is not thrown away at once. One with an ETag or Last-Modified of its handler's is confirmed by it: the
// handler is asked with If-None-Match and If-Modified-Since, and its 304 makes the page fresh again and updates its header; so a page that
// says `no-cache` costs its handler a look, and no body. `stale-while-revalidate` has it served while it is made again, by a request of
// its own that no client waits for; `stale-if-error` has it stand in for 500, 502, 503, 504, a panic, or a deadline. [StaleWhileRevalidate]
// and [StaleIfError] are defaults for both; `must-revalidate`, `proxy-revalidate`, `no-cache` and s-maxage forbid them. Of a page that
// something has changed for, nothing but the `stale-if-error` of its own handler is heard, and only when the handler fails.
//
// # In what order
//
// From the outside in: recoverer, request ids and logging; [Track]; authentication and tenants; CORS; compression; this cache;
// then handlers. A hit passes all that is outside, so authentication and CORS judge every request, and what they add to the
// header is theirs again on each. A panic passes the cache and reaches the recoverer, but for one that a stale page stands in
// for, which is logged. What middleware inside adds to the header is stored: nothing that is meant for one request belongs there.
//
//	r := chi.NewRouter()
//	r.Use(chimiddleware.RequestID, chimiddleware.Recoverer, middleware.Track(engine), authenticate, cors, chimiddleware.Compress(5))
//	r.With(middleware.Shared(engine)).Get("/products/{id}", showProduct)
//
// # Ranges
//
// The parts of a stored page are cut by the rules of [net/http.ServeContent]; a range of a page that is not stored is the handler's
// to answer, and is not stored. As with ServeContent, an encoder outside must leave 206 alone.
//
// # Purging
//
// Invalidate with [github.com/cachewright/cachewright/coherence.URLTag] removes a URL in all its variants, in every door:
// "http://shop.example/products/1?color=red", with the scheme the process itself is spoken to by, the host without a default
// port, and path and query as clients send them. A POST, PUT, PATCH or DELETE that passes a door and succeeds does the same.
//
// # Why was this not cached?
//
// Every answer carries Cache-Status (RFC 9211), and what was not stored has one of these reasons as its detail:
//
//	not-ready           the engine is not started, or closed
//	method              neither GET nor HEAD
//	nested              a handler asked the door it is behind
//	request-body        a GET with a body
//	range               a Range request
//	precondition        If-Match, If-Unmodified-Since or If-Range: the handler's to judge
//	upgrade             the connection changes its protocol
//	no-store-request    the client said no-store
//	cookie              the request carries a cookie, and the page is not known not to depend on it
//	no-identity         identify returned ""
//	key-too-large       the URL and the fields that pick the page are longer than a key may be
//	head                a HEAD for a page that is not stored
//	only-if-cached      the client wanted a stored answer, and there is none
//	status              a status that is not stored, or not without explicit freshness
//	partial             206, or Content-Range
//	trailer             the answer has trailers
//	no-store            the answer says no-store
//	private             the answer says private
//	authorization       the request carries credentials, and the page does not say that it may be shared
//	set-cookie          the answer sets a cookie
//	vary-star           the answer varies on more than request fields
//	csp-nonce           a Content-Security-Policy holds a nonce
//	cors                Access-Control-Allow-Origin names an origin, and Vary does not
//	no-freshness        nothing tracked was read, and the handler does not say how long the page stays fresh
//	no-cache            the answer says no-cache, and no stamps vouch for it
//	expired             it was stale when it was made
//	unwritten           the handler returned without writing, and without explicit freshness
//	too-large           the body is longer than MaxBody
//	header-too-large    the header is longer than 64 KiB
//	memory              the answers being made take all of MaxInFlight
//	streamed            the handler flushed, or sends events
//	hijacked            the handler took the connection over
//	truncated           the body is shorter or longer than its Content-Length, or could not be read to its end
//	cancelled           the client left while the handler ran
//	panicked            the handler panicked
//	stamps-moved        something the page is made from changed while it was made
//	waited              another request is making the same page, and this one waited too long for it
//	store               the store did not take the page
//	stale-if-error      the handler failed, and the page stored before stood in for it
//	stamps              the same, though something the page is made from has changed since
//	raw-sql             raw SQL was read
//	transaction         a read in a transaction
//	locking             a locking read
//	volatile            a read with a function that is not immutable
//	clock               a read with a time near now
//	unknown-table       a read whose tables cannot be told
//	relation            a read of something that is no ordinary table
//	argument            a read with an argument that cannot be compared for sure
//	open-rows           rows that were read on after the call
//	row-security        row security without a scope
//	bypass              a read that asked for the database
//	off                 a read of a model or field that is not cached
//	value               a read of values the cache cannot keep
//	size                a read too large to keep
//	foreign-pool        a read over connections the plugin does not watch
//	untracked           the application said so
//	stray-read          a read without the request's context
//	late-read           a read after the handler had returned
//	wrote               the handler wrote
//	scope               a read under another scope than the page's
//	too-many-rows       more reads than a page may stand on
package middleware
