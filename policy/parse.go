package policy

import "strings"

// Parse reads a tag: the text between the quotes of cache:"…". The grammar is in the package documentation. Fields
// that the tag does not mention stay zero, which means their default.
//
// The error holds one *ParseError for each mistake, joined if there are several, and the policy is then zero. The tag
// "-", which belongs to a single field, is a mistake here.
func Parse(tag string) (Policy, error) {
	p, mistakes := parse(tag)
	return p, join(mistakes)
}

func parse(tag string) (Policy, []*ParseError) {
	words := strings.Split(tag, ",")
	for i, w := range words {
		words[i] = strings.Trim(w, " ")
	}
	r := reader{tag: tag, options: options(), seen: make(map[string]bool, len(words))}
	r.strategy(words[0])
	for _, w := range words[1:] {
		r.option(w)
	}
	if r.seen["jitter"] && !r.seen["ttl"] && !r.off() {
		r.fail("jitter", "needs a ttl to shorten", "ttl=<duration>")
	}
	if len(r.mistakes) > 0 {
		return Policy{}, r.mistakes
	}
	return r.policy, nil
}

// reader goes through the words of one tag and collects what is wrong with them.
type reader struct {
	tag      string
	options  []option
	policy   Policy
	known    bool            // the strategy is
	seen     map[string]bool // names of the options met, good or bad
	mistakes []*ParseError
}

func (r *reader) strategy(word string) {
	r.policy.Strategy, r.known = strategyOf(word)
	switch {
	case r.known:
	case word == "":
		r.fail(word, "names no strategy", strategyWords()...)
	case word == "-":
		r.fail(word, "marks a single field, and is no strategy", strategyWords()...)
	default:
		r.fail(word, "is no strategy, which comes first", strategyWords()...)
	}
}

func (r *reader) option(word string) {
	name, value, assigned := strings.Cut(word, "=")
	if word == "" {
		r.fail(word, "is an empty option", r.usages()...)
		return
	}
	if _, ok := strategyOf(word); ok {
		r.fail(word, "is a strategy, which stands once and first", r.usages()...)
		return
	}
	o, ok := r.lookup(name)
	if !ok {
		r.fail(word, "is no option", r.usages()...)
		return
	}
	twice := r.seen[name]
	r.seen[name] = true
	switch {
	case twice:
		r.fail(word, "is there twice", r.usages()...)
	case r.known && !o.allows(r.policy.Strategy):
		r.fail(word, o.notFor(r.policy.Strategy), r.usages()...)
	case o.flag && assigned:
		r.fail(word, "takes no value", o.usage())
	case !o.flag && value == "":
		r.fail(word, "needs a value", o.values...)
	case !o.parse(&r.policy, value):
		r.fail(word, "has a bad value", o.values...)
	}
}

func (r *reader) lookup(name string) (option, bool) {
	for _, o := range r.options {
		if o.name == name {
			return o, true
		}
	}
	return option{}, false
}

// off reports whether the tag says so, and so has no use for any option.
func (r *reader) off() bool { return r.known && r.policy.Strategy == Off }

// usages are the options of the tag's strategy, or all of them when that is not known.
func (r *reader) usages() []string {
	if r.known {
		return usagesOf(r.policy.Strategy)
	}
	all := make([]string, len(r.options))
	for i, o := range r.options {
		all[i] = o.usage()
	}
	return all
}

func (r *reader) fail(word, problem string, allowed ...string) {
	r.mistakes = append(r.mistakes, &ParseError{Tag: r.tag, Word: word, Problem: problem, Allowed: allowed})
}
