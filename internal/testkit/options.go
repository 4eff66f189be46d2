package testkit

// Option changes how a PostgreSQL server of a test is started.
type Option func(*settings)

// settings are the server parameters given on the command line, in order; a later one wins.
type settings struct {
	parameters [][2]string
}

// WithFsync makes the server write through to the disk at every COMMIT, as a real one does. Without it a COMMIT survives
// the end of the server process, but not that of the machine, and is several times faster.
func WithFsync() Option {
	return func(s *settings) { s.set("fsync", "on"); s.set("full_page_writes", "on") }
}

// WithSetting sets any parameter of postgresql.conf; of two for one name the later wins.
func WithSetting(name, value string) Option {
	return func(s *settings) { s.set(name, value) }
}

// newSettings returns the parameters of a small, fast server with the options applied.
func newSettings(opts []Option) settings {
	var s settings
	s.set("listen_addresses", "127.0.0.1")
	s.set("unix_socket_directories", "") // TCP only: nothing outside the server's own folder
	s.set("max_connections", "300")      // the packages of one run share a server
	s.set("max_prepared_transactions", "32")
	s.set("shared_buffers", "32MB")
	s.set("fsync", "off")
	s.set("full_page_writes", "off")
	s.set("autovacuum_naptime", "1h") // no background work that would make one run unlike the next
	s.set("jit", "off")
	s.set("timezone", "UTC")
	s.set("log_timezone", "UTC")
	for _, opt := range opts {
		opt(&s)
	}
	return s
}

func (s *settings) set(name, value string) {
	s.parameters = append(s.parameters, [2]string{name, value})
}
