package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/cachewright/cachewright/demoapp/internal/shop"
	"github.com/cachewright/cachewright/policy"
)

const (
	// defaultAddr is reachable from this machine alone.
	defaultAddr = "127.0.0.1:8080"
	defaultRate = 100
	mostRate    = 5000
)

// config is what the command line and the environment say.
type config struct {
	addr       string
	dsn        string // "" is a temporary SQLite database
	journal    string // "" is beside a temporary database, else none
	policies   map[string]policy.Policy
	rate       int
	tour       bool
	serve      bool // after the tour
	plain      bool
	readonly   bool
	uncached   bool
	supervised bool
	textbook   bool
	json       bool
	verbose    bool
	quiet      bool
}

// errUsage is the error of a command line that was refused, and about which the user has been told.
var errUsage = errors.New("bad usage")

const usage = `The demo of Cachewright: a small shop with an API and pages, its rows and pages cached, and a dashboard that shows
what that does under load, beside a textbook cache under the same load.

  demoapp                    the dashboard on http://` + defaultAddr + `, with a temporary SQLite database
  demoapp -plain             the shop alone, in this process
  demoapp -tour              show in the terminal what each caching pattern does, and end
  demoapp -tour -serve       the same, then the dashboard; without a terminal it ends after the tour
  demoapp -dsn sqlite:shop.db               keep the data in a file
  demoapp -dsn postgres://user@host/db      use PostgreSQL; the demo makes its own tables there
  demoapp -policy products=writethrough     another policy than the model's tag says

The tour exits with 1 when a claim it makes does not hold, and names the claim. Anybody who can reach the demo may change its
prices and use its controls (-readonly takes the controls away): by default it listens on this machine alone.

Each flag has its default from the environment, where that says something: DATABASE_URL for -dsn, DEMO_ADDR for -addr,
DEMO_JOURNAL for -journal, and so on.

`

// parseConfig reads the command line. What is wrong with it is told on stderr, and errUsage returned; for -help the help
// goes to stdout, and the error is flag.ErrHelp.
func parseConfig(args []string, getenv func(string) string, stdout, stderr io.Writer) (config, error) {
	cfg := config{policies: map[string]policy.Policy{}}
	flags := flag.NewFlagSet("demoapp", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // one message, from us
	flags.StringVar(&cfg.addr, "addr", defaultAddr, "the `address` to listen on; a tour alone takes a free port, unless it is set")
	flags.StringVar(&cfg.dsn, "dsn", "", "the `database`, sqlite:PATH or postgres://…; a temporary one if there is none")
	flags.StringVar(&cfg.journal, "journal", "", "the `folder` of the write-back journal; beside a temporary database if there is none, else none")
	flags.Func("policy", "a model's policy in place of its tag, as `table=tag`; may be repeated", cfg.setPolicy)
	flags.IntVar(&cfg.rate, "rate", defaultRate, "how many `requests` a second a load sends to each of the two caches")
	flags.BoolVar(&cfg.tour, "tour", false, "run the tour of the patterns")
	flags.BoolVar(&cfg.serve, "serve", false, "after the tour, serve until interrupted")
	flags.BoolVar(&cfg.plain, "plain", false, "serve the shop in this process, without the dashboard")
	flags.BoolVar(&cfg.readonly, "readonly", false, "a dashboard without controls")
	flags.BoolVar(&cfg.uncached, "uncached", false, "leave the cache out: what the shop answers without it")
	flags.BoolVar(&cfg.json, "json", false, "log in JSON")
	flags.BoolVar(&cfg.verbose, "v", false, "log each request, with what the page cache did")
	flags.BoolVar(&cfg.quiet, "quiet", false, "log warnings and errors alone")
	flags.BoolVar(&cfg.supervised, "supervised", false, "be the shop of a dashboard: say the address on standard output, end with standard input")
	flags.BoolVar(&cfg.textbook, "textbook", false, "serve the same shop behind a textbook cache, too, below /textbook")
	err := setFromEnvironment(flags, getenv)
	if err == nil {
		err = flags.Parse(args)
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		flags.SetOutput(stdout)
		flags.PrintDefaults()
		return cfg, flag.ErrHelp
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("%q is no flag, and nothing else is expected", flags.Arg(0))
	case err == nil:
		err = cfg.check()
	}
	if err != nil {
		fmt.Fprintf(stderr, "demoapp: %v (demoapp -help tells what there is)\n", strings.ReplaceAll(err.Error(), "\n", "; "))
		return cfg, errUsage
	}
	if cfg.tour && !cfg.serve && !isSet(flags, "addr") {
		cfg.addr = "127.0.0.1:0"
	}
	return cfg, nil
}

// setFromEnvironment gives flags the values that the environment has for them.
func setFromEnvironment(flags *flag.FlagSet, getenv func(string) string) error {
	var errs []error
	flags.VisitAll(func(f *flag.Flag) {
		name := "DEMO_" + strings.ToUpper(f.Name)
		if f.Name == "dsn" {
			name = "DATABASE_URL"
		}
		value := getenv(name)
		if value == "" {
			return
		}
		if err := f.Value.Set(value); err != nil {
			errs = append(errs, fmt.Errorf("%s=%q: %w", name, value, err))
			return
		}
		f.DefValue = value
	})
	return errors.Join(errs...)
}

// setPolicy reads table=tag.
func (c *config) setPolicy(text string) error {
	table, tag, ok := strings.Cut(text, "=")
	if !ok || shop.Model(table) == nil {
		return fmt.Errorf("%q names no model that is cached: table=tag is wanted, such as products=writethrough", text)
	}
	p, err := policy.Parse(tag)
	if err != nil {
		return err
	}
	c.policies[table] = p
	return nil
}

// check looks at values that have the right form.
func (c *config) check() error {
	if _, _, err := net.SplitHostPort(c.addr); err != nil {
		return fmt.Errorf("-addr %q: an address is HOST:PORT, such as %s", c.addr, defaultAddr)
	}
	if c.rate < 1 || c.rate > mostRate {
		return fmt.Errorf("-rate %d: from 1 to %d", c.rate, mostRate)
	}
	return nil
}

func isSet(flags *flag.FlagSet, name string) bool {
	set := false
	flags.Visit(func(f *flag.Flag) { set = set || f.Name == name })
	return set
}
