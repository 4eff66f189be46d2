package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
)

// defaultAddr is reachable from this machine alone.
const defaultAddr = "127.0.0.1:8080"

// config is what the command line and the environment say.
type config struct {
	addr    string
	dsn     string // "" is a temporary SQLite database
	tour    bool
	serve   bool // after the tour
	verbose bool
}

// errUsage is the error of a command line that was refused, and about which the user has been told.
var errUsage = errors.New("bad usage")

const usage = `The demo of Cachewright: a small shop with a JSON API, its rows and pages cached.

  demoapp                    serve on ` + defaultAddr + `, with a temporary SQLite database
  demoapp -tour              show what each caching pattern does, and end
  demoapp -tour -serve       the same, then serve; without a terminal it ends after the tour
  demoapp -dsn sqlite:shop.db               keep the data in a file
  demoapp -dsn postgres://user@host/db      use PostgreSQL; the demo makes its own tables there

The tour exits with 1 when a claim it makes does not hold, and names the claim.

`

// parseConfig reads the command line. What is wrong with it is told on stderr, and errUsage returned; for -help the help
// goes to stdout, and the error is flag.ErrHelp.
func parseConfig(args []string, getenv func(string) string, stdout, stderr io.Writer) (config, error) {
	var cfg config
	flags := flag.NewFlagSet("demoapp", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // one message, from us
	flags.StringVar(&cfg.addr, "addr", defaultAddr, "the `address` to listen on; a tour alone takes a free port, unless it is set")
	flags.StringVar(&cfg.dsn, "dsn", getenv("DATABASE_URL"), "the database, sqlite:PATH or postgres://…; by default what DATABASE_URL says, else a temporary one")
	flags.BoolVar(&cfg.tour, "tour", false, "run the tour of the patterns")
	flags.BoolVar(&cfg.serve, "serve", false, "after the tour, serve until interrupted")
	flags.BoolVar(&cfg.verbose, "v", false, "log each request, with what the page cache did")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		flags.SetOutput(stdout)
		flags.PrintDefaults()
		return cfg, flag.ErrHelp
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("%q is no flag, and nothing else is expected", flags.Arg(0))
	case err == nil:
		if _, _, split := net.SplitHostPort(cfg.addr); split != nil {
			err = fmt.Errorf("-addr %q: an address is HOST:PORT, such as %s", cfg.addr, defaultAddr)
		}
	}
	if err != nil {
		fmt.Fprintf(stderr, "demoapp: %v (demoapp -help tells what there is)\n", err)
		return cfg, errUsage
	}
	if cfg.tour && !cfg.serve && !isSet(flags, "addr") {
		cfg.addr = "127.0.0.1:0"
	}
	return cfg, nil
}

func isSet(flags *flag.FlagSet, name string) bool {
	set := false
	flags.Visit(func(f *flag.Flag) { set = set || f.Name == name })
	return set
}
