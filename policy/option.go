package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An option is one row of the grammar: the only place that knows its word, its field, its strategies and its values.
type option struct {
	name   string     // in a tag
	field  string     // of Policy
	on     []Strategy // that take it
	flag   bool       // stands without a value
	short  string     // the value in a list of options
	values []string   // the values in a message about a bad one

	parse  func(p *Policy, value string) bool // sets the field; false and unchanged when the value is not allowed
	format func(p Policy) string              // the value as parse reads it; "" when the field is zero
	valid  func(p Policy) bool                // the field is in range; zero always is
}

// options are all rows of the grammar, in the order of the package documentation and of Policy.String.
func options() []option {
	cached := []Strategy{Aside, WriteThrough, WriteBack}
	back := []Strategy{WriteBack}
	return []option{
		durationOption("ttl", "TTL", cached, "10m", func(p *Policy) *time.Duration { return &p.TTL }),
		jitterOption(cached),
		negativeOption(cached),
		choiceOption("queries", "Queries", cached, func(p *Policy) *Queries { return &p.Queries }, QueriesOff),
		durationOption("flush", "Flush", back, "1s", func(p *Policy) *time.Duration { return &p.Flush }),
		countOption("batch", "Batch", back, "1000", func(p *Policy) *int { return &p.Batch }),
		countOption("pending", "Pending", back, "100000", func(p *Policy) *int { return &p.Pending }),
		choiceOption("full", "Full", back, func(p *Policy) *Full { return &p.Full }, FullBlock, FullSync, FullReject),
		choiceOption("ack", "Ack", back, func(p *Policy) *Ack { return &p.Ack }, AckMemory, AckJournal, AckDisk),
		choiceOption("reads", "Reads", back, func(p *Policy) *Reads { return &p.Reads }, ReadsLatest, ReadsFlushed),
		choiceOption("onfail", "OnFail", []Strategy{WriteThrough}, func(p *Policy) *OnFail { return &p.OnFail }, OnFailError, OnFailInvalidate),
		criticalOption([]Strategy{Aside, WriteThrough}),
	}
}

// allows reports whether the option belongs to the strategy.
func (o option) allows(s Strategy) bool { return slices.Contains(o.on, s) }

// notFor is the problem of the option standing with a strategy that does not take it.
func (o option) notFor(s Strategy) string {
	if s == Off {
		return "is an option, and off takes none"
	}
	words := make([]string, len(o.on))
	for i, on := range o.on {
		words[i] = on.String()
	}
	return "is for " + strings.Join(words, " and ") + ", not for " + s.String()
}

// usage is the option as a list of what is allowed shows it.
func (o option) usage() string {
	if o.flag {
		return o.name
	}
	return o.name + "=" + o.short
}

// usagesOf lists the options that a tag of the strategy may have.
func usagesOf(s Strategy) []string {
	var list []string
	for _, o := range options() {
		if o.allows(s) {
			list = append(list, o.usage())
		}
	}
	return list
}

// fieldsOf lists the fields of Policy that the strategy uses.
func fieldsOf(s Strategy) []string {
	var list []string
	for _, o := range options() {
		if o.allows(s) {
			list = append(list, o.field)
		}
	}
	return list
}

func durationOption(name, field string, on []Strategy, example string, at func(*Policy) *time.Duration) option {
	return option{
		name: name, field: field, on: on,
		short:  "<duration>",
		values: []string{"a duration above zero such as " + example},
		parse: func(p *Policy, value string) bool {
			d, ok := parseDuration(value)
			if ok {
				*at(p) = d
			}
			return ok
		},
		format: func(p Policy) string { return formatDuration(*at(&p)) },
		valid:  func(p Policy) bool { return *at(&p) >= 0 },
	}
}

// negativeOption is a duration or the word off, which a Policy holds as a value below zero.
func negativeOption(on []Strategy) option {
	return option{
		name: "negative", field: "Negative", on: on,
		short:  "<duration>|off",
		values: []string{"a duration above zero such as 30s", "off"},
		parse: func(p *Policy, value string) bool {
			if value == "off" {
				p.Negative = NegativeOff
				return true
			}
			d, ok := parseDuration(value)
			if ok {
				p.Negative = d
			}
			return ok
		},
		format: func(p Policy) string {
			if p.Negative < 0 {
				return "off"
			}
			return formatDuration(p.Negative)
		},
		valid: func(Policy) bool { return true },
	}
}

func jitterOption(on []Strategy) option {
	return option{
		name: "jitter", field: "Jitter", on: on,
		short:  "<percentage>",
		values: []string{"a percentage above 0% and below 100% such as 10%"},
		parse: func(p *Policy, value string) bool {
			f, ok := parsePercentage(value)
			if ok {
				p.Jitter = f
			}
			return ok
		},
		format: func(p Policy) string { return formatPercentage(p.Jitter) },
		valid:  func(p Policy) bool { return p.Jitter >= 0 && p.Jitter < 1 },
	}
}

func countOption(name, field string, on []Strategy, example string, at func(*Policy) *int) option {
	return option{
		name: name, field: field, on: on,
		short:  "<count>",
		values: []string{"a count above zero such as " + example},
		parse: func(p *Policy, value string) bool {
			n, ok := parseCount(value)
			if ok {
				*at(p) = n
			}
			return ok
		},
		format: func(p Policy) string {
			if n := *at(&p); n != 0 {
				return strconv.Itoa(n)
			}
			return ""
		},
		valid: func(p Policy) bool { return *at(&p) >= 0 },
	}
}

// choiceOption is one of several words. The zero value of E need not be among the choices.
func choiceOption[E interface {
	~uint8
	fmt.Stringer
}](name, field string, on []Strategy, at func(*Policy) *E, choices ...E) option {
	words := make([]string, len(choices))
	for i, c := range choices {
		words[i] = c.String()
	}
	return option{
		name: name, field: field, on: on,
		short:  strings.Join(words, "|"),
		values: words,
		parse: func(p *Policy, value string) bool {
			i := slices.Index(words, value)
			if i >= 0 {
				*at(p) = choices[i]
			}
			return i >= 0
		},
		format: func(p Policy) string {
			if c := *at(&p); c != 0 {
				return c.String()
			}
			return ""
		},
		valid: func(p Policy) bool { return *at(&p) == 0 || slices.Contains(choices, *at(&p)) },
	}
}

func criticalOption(on []Strategy) option {
	return option{
		name: "critical", field: "Critical", on: on, flag: true,
		parse: func(p *Policy, _ string) bool {
			p.Critical = true
			return true
		},
		format: func(p Policy) string {
			if p.Critical {
				return "true"
			}
			return ""
		},
		valid: func(Policy) bool { return true },
	}
}
