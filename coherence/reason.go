package coherence

// Reason says why a read, and with it the page that made it, is not vouched for by stamps alone. Reasons are stable
// names: they appear in statistics, in logs and in Cache-Status.
type Reason string

// The reasons a read can have. The middleware has its own for what it sees in requests and answers.
const (
	ReasonRaw         Reason = "raw-sql"       // raw SQL, whose tables nobody vouches for
	ReasonTransaction Reason = "transaction"   // read in a transaction: its snapshot may be older than any stamp
	ReasonLocking     Reason = "locking"       // FOR UPDATE and its like
	ReasonVolatile    Reason = "volatile"      // a function or keyword that is not known to be immutable
	ReasonClock       Reason = "clock"         // a time argument near now: the answer changes though no row does
	ReasonUnknown     Reason = "unknown-table" // SQL whose tables cannot be told
	ReasonRelation    Reason = "relation"      // a relation that is no ordinary table, or that the catalogue does not know
	ReasonArgument    Reason = "argument"      // an argument that cannot be compared for sure
	ReasonRows        Reason = "open-rows"     // rows handed out open: read on after the call
	ReasonRLS         Reason = "row-security"  // row security without a scope
	ReasonBypass      Reason = "bypass"        // the caller asked for the database
	ReasonOff         Reason = "off"           // model or field is not cached
	ReasonValue       Reason = "value"         // an answer that holds values the cache cannot keep
	ReasonSize        Reason = "size"          // an answer too large to keep
	ReasonPool        Reason = "foreign-pool"  // a connection pool the plugin, or a database the page's engine, does not watch
	ReasonUntracked   Reason = "untracked"     // the application said so
	ReasonStray       Reason = "stray-read"    // a read without the request's context while a page was made
	ReasonLate        Reason = "late-read"     // a read after the handler had returned
	ReasonWrote       Reason = "wrote"         // the handler wrote through the plugin
	ReasonScope       Reason = "scope"         // a read under another scope than the page's key
	ReasonMany        Reason = "too-many-rows" // more stamps than a page may stand on; some are missing, so nothing makes it storable
)
