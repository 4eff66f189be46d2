package pgbackplane

import (
	"fmt"
	"time"
)

// Option configures a backplane.
type Option func(*settings)

type settings struct {
	dsn, listen string
	schema      string
	retention   time.Duration
	errs        []error
}

// ListenOn gives LISTEN a DSN of its own: one that does not go through PgBouncer in transaction mode, where LISTEN hears
// nothing. Everything else works through it.
func ListenOn(dsn string) Option { return func(s *settings) { s.listen = dsn } }

// Schema names the schema of the outbox. Without it the outbox is found by the search_path of each connection.
func Schema(name string) Option { return func(s *settings) { s.schema = name } }

// Retention is how long rows stay in the outbox after everybody could see them: a process that slept longer drops its cache
// when it wakes. Default [DefaultRetention]; at least 10 s. All processes should have the same.
func Retention(d time.Duration) Option {
	const shortest = 10 * time.Second
	return func(s *settings) {
		if d < shortest {
			s.errs = append(s.errs, fmt.Errorf("pgbackplane: Retention(%v): at least %v", d, shortest))
		}
		s.retention = d
	}
}
