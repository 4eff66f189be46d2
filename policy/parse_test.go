package policy_test

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/policy"
)

func TestParseReadsEveryOption(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]policy.Policy{
		"off":                                          {},
		"aside":                                        {Strategy: policy.Aside},
		"writethrough":                                 {Strategy: policy.WriteThrough},
		"writeback":                                    {Strategy: policy.WriteBack},
		"aside,ttl=10m":                                {Strategy: policy.Aside, TTL: 10 * time.Minute},
		"aside,ttl=1h30m":                              {Strategy: policy.Aside, TTL: 90 * time.Minute},
		"aside,ttl=1.5s":                               {Strategy: policy.Aside, TTL: 1500 * time.Millisecond},
		"aside,ttl=1h,jitter=10%":                      {Strategy: policy.Aside, TTL: time.Hour, Jitter: 0.1},
		"aside,jitter=2.5%,ttl=1h":                     {Strategy: policy.Aside, TTL: time.Hour, Jitter: 0.025},
		"aside,ttl=1h,jitter=0.01%":                    {Strategy: policy.Aside, TTL: time.Hour, Jitter: 0.0001},
		"aside,negative=5s":                            {Strategy: policy.Aside, Negative: 5 * time.Second},
		"aside,negative=off":                           {Strategy: policy.Aside, Negative: policy.NegativeOff},
		"aside,queries=off":                            {Strategy: policy.Aside, Queries: policy.QueriesOff},
		"aside,critical":                               {Strategy: policy.Aside, Critical: true},
		"writethrough,critical":                        {Strategy: policy.WriteThrough, Critical: true},
		"writethrough,onfail=error":                    {Strategy: policy.WriteThrough, OnFail: policy.OnFailError},
		"writethrough,onfail=invalidate":               {Strategy: policy.WriteThrough, OnFail: policy.OnFailInvalidate},
		"writeback,flush=250ms":                        {Strategy: policy.WriteBack, Flush: 250 * time.Millisecond},
		"writeback,batch=7":                            {Strategy: policy.WriteBack, Batch: 7},
		"writeback,batch=0050":                         {Strategy: policy.WriteBack, Batch: 50},
		"writeback,pending=12":                         {Strategy: policy.WriteBack, Pending: 12},
		"writeback,full=block":                         {Strategy: policy.WriteBack, Full: policy.FullBlock},
		"writeback,full=sync":                          {Strategy: policy.WriteBack, Full: policy.FullSync},
		"writeback,full=reject":                        {Strategy: policy.WriteBack, Full: policy.FullReject},
		"writeback,ack=memory":                         {Strategy: policy.WriteBack, Ack: policy.AckMemory},
		"writeback,ack=journal":                        {Strategy: policy.WriteBack, Ack: policy.AckJournal},
		"writeback,ack=disk":                           {Strategy: policy.WriteBack, Ack: policy.AckDisk},
		"writeback,reads=latest":                       {Strategy: policy.WriteBack, Reads: policy.ReadsLatest},
		"writeback,reads=flushed":                      {Strategy: policy.WriteBack, Reads: policy.ReadsFlushed},
		"  aside ,  ttl=1m  ,queries=off ":             {Strategy: policy.Aside, TTL: time.Minute, Queries: policy.QueriesOff},
		"aside,ttl=2562047h47m16.854775807s":           {Strategy: policy.Aside, TTL: math.MaxInt64},
		"writeback,batch=" + strconv.Itoa(math.MaxInt): {Strategy: policy.WriteBack, Batch: math.MaxInt},
		"writeback,ttl=1h,jitter=5%,negative=1m,queries=off,flush=2s,batch=10,pending=20,full=sync,ack=disk,reads=flushed": {
			Strategy: policy.WriteBack, TTL: time.Hour, Jitter: 0.05, Negative: time.Minute, Queries: policy.QueriesOff,
			Flush: 2 * time.Second, Batch: 10, Pending: 20, Full: policy.FullSync, Ack: policy.AckDisk, Reads: policy.ReadsFlushed,
		},
	} {
		got, err := policy.Parse(tag)
		require.NoError(t, err, tag)
		require.Equal(t, want, got, tag)
		require.NoError(t, got.Validate(), tag)
	}
}

func TestParseNamesTheWordThatIsWrong(t *testing.T) {
	t.Parallel()
	durations := []string{"a duration above zero such as 10m"}
	percentages := []string{"a percentage above 0% and below 100% such as 10%"}
	batches := []string{"a count above zero such as 1000"}
	first := []string{"aside", "writethrough", "writeback", "off"}
	onAside := []string{"ttl=<duration>", "jitter=<percentage>", "negative=<duration>|off", "queries=off", "critical"}
	onBack := []string{
		"ttl=<duration>", "jitter=<percentage>", "negative=<duration>|off", "queries=off", "flush=<duration>", "batch=<count>",
		"pending=<count>", "full=block|sync|reject", "ack=memory|journal|disk", "reads=latest|flushed",
	}
	for _, c := range []struct {
		name, tag, word, problem string
		allowed                  []string
	}{
		{"an empty tag", "", "", "names no strategy", first},
		{"a tag of spaces", "   ", "", "names no strategy", first},
		{"an empty strategy before an option", ",ttl=1m", "", "names no strategy", first},
		{"a misspelt strategy", "asid", "asid", "is no strategy, which comes first", first},
		{"a strategy in capitals", "Aside", "Aside", "is no strategy, which comes first", first},
		{"the mark of a hidden field", "-", "-", "marks a single field, and is no strategy", first},
		{"an option before the strategy", "ttl=1m", "ttl=1m", "is no strategy, which comes first", first},
		{"a strategy behind a tab", "\taside", "\taside", "is no strategy, which comes first", first},
		{"two strategies", "aside,writeback", "writeback", "is a strategy, which stands once and first", onAside},
		{"an unknown option", "aside,tll=1m", "tll=1m", "is no option", onAside},
		{"an option in capitals", "aside,TTL=1m", "TTL=1m", "is no option", onAside},
		{"spaces before the equals sign", "aside,ttl =1m", "ttl =1m", "is no option", onAside},
		{"an option without a name", "aside,=1m", "=1m", "is no option", onAside},
		{"an empty option", "aside,,queries=off", "", "is an empty option", onAside},
		{"a comma at the end", "aside,", "", "is an empty option", onAside},
		{"an option twice", "aside,ttl=1m,ttl=1m", "ttl=1m", "is there twice", onAside},
		{"a flag twice", "aside,critical,critical", "critical", "is there twice", onAside},
		{"an option of another strategy", "aside,flush=1s", "flush=1s", "is for writeback, not for aside", onAside},
		{"an option of two other strategies", "writeback,critical", "critical", "is for aside and writethrough, not for writeback", onBack},
		{"an option of off", "off,ttl=1m", "ttl=1m", "is an option, and off takes none", nil},
		{"an option without a value", "aside,ttl", "ttl", "needs a value", durations},
		{"an option with an empty value", "aside,ttl=", "ttl=", "needs a value", durations},
		{"a flag with a value", "aside,critical=true", "critical=true", "takes no value", []string{"critical"}},
		{"a flag with an empty value", "aside,critical=", "critical=", "takes no value", []string{"critical"}},
		{"a duration without a unit", "aside,ttl=10", "ttl=10", "has a bad value", durations},
		{"a duration of zero", "aside,ttl=0", "ttl=0", "has a bad value", durations},
		{"a duration that rounds to zero", "aside,ttl=0.1ns", "ttl=0.1ns", "has a bad value", durations},
		{"a duration below zero", "aside,ttl=-1m", "ttl=-1m", "has a bad value", durations},
		{"a duration with a plus sign", "aside,ttl=+1m", "ttl=+1m", "has a bad value", durations},
		{"a duration too long for its type", "aside,ttl=2562048h", "ttl=2562048h", "has a bad value", durations},
		{"a duration in junk", "aside,ttl=1m!", "ttl=1m!", "has a bad value", durations},
		{"a space in a duration", "aside,ttl= 1m", "ttl= 1m", "has a bad value", durations},
		{"negative of zero", "aside,negative=0s", "negative=0s", "has a bad value", []string{"a duration above zero such as 30s", "off"}},
		{"negative turned on", "aside,negative=on", "negative=on", "has a bad value", []string{"a duration above zero such as 30s", "off"}},
		{"a percentage without its sign", "aside,ttl=1m,jitter=10", "jitter=10", "has a bad value", percentages},
		{"a percentage of zero", "aside,ttl=1m,jitter=0.0%", "jitter=0.0%", "has a bad value", percentages},
		{"a percentage of everything", "aside,ttl=1m,jitter=100%", "jitter=100%", "has a bad value", percentages},
		{"a percentage that rounds to everything", "aside,ttl=1m,jitter=99.99999999999999999999%", "jitter=99.99999999999999999999%", "has a bad value", percentages},
		{"a percentage below zero", "aside,ttl=1m,jitter=-1%", "jitter=-1%", "has a bad value", percentages},
		{"a percentage with an exponent", "aside,ttl=1m,jitter=1e1%", "jitter=1e1%", "has a bad value", percentages},
		{"a percentage that is no number", "aside,ttl=1m,jitter=NaN%", "jitter=NaN%", "has a bad value", percentages},
		{"a percentage with two points", "aside,ttl=1m,jitter=1.1.1%", "jitter=1.1.1%", "has a bad value", percentages},
		{"a percentage that ends in a point", "aside,ttl=1m,jitter=1.%", "jitter=1.%", "has a bad value", percentages},
		{"a percentage too small to hold", "aside,ttl=1m,jitter=0." + strings.Repeat("0", 400) + "1%", "jitter=0." + strings.Repeat("0", 400) + "1%", "has a bad value", percentages},
		{"jitter of no lifetime", "aside,jitter=10%", "jitter", "needs a ttl to shorten", []string{"ttl=<duration>"}},
		{"queries turned on", "aside,queries=on", "queries=on", "has a bad value", []string{"off"}},
		{"a count of zero", "writeback,batch=0", "batch=0", "has a bad value", batches},
		{"a count below zero", "writeback,batch=-1", "batch=-1", "has a bad value", batches},
		{"a count with a sign", "writeback,batch=+1", "batch=+1", "has a bad value", batches},
		{"a count with a fraction", "writeback,batch=1.5", "batch=1.5", "has a bad value", batches},
		{"a count with underscores", "writeback,batch=1_000", "batch=1_000", "has a bad value", batches},
		{"a count in other digits", "writeback,batch=١", "batch=١", "has a bad value", batches},
		{"a count too great for its type", "writeback,batch=9223372036854775808", "batch=9223372036854775808", "has a bad value", batches},
		{"an unknown choice", "writeback,full=wait", "full=wait", "has a bad value", []string{"block", "sync", "reject"}},
		{"the default of ack by its Go name", "writeback,ack=default", "ack=default", "has a bad value", []string{"memory", "journal", "disk"}},
		{"a choice of another option", "writeback,reads=memory", "reads=memory", "has a bad value", []string{"latest", "flushed"}},
		{"a choice in capitals", "writethrough,onfail=Error", "onfail=Error", "has a bad value", []string{"error", "invalidate"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, err := policy.Parse(c.tag)
			require.Zero(t, p)
			var parse *policy.ParseError
			require.ErrorAs(t, err, &parse)
			require.Same(t, err, parse, "one mistake is not wrapped")
			require.Equal(t, c.tag, parse.Tag)
			require.Equal(t, c.word, parse.Word)
			require.Equal(t, c.problem, parse.Problem)
			require.Equal(t, c.allowed, parse.Allowed)
			require.Contains(t, err.Error(), "cache:"+strconv.Quote(c.tag))
			for _, a := range parse.Allowed {
				require.Contains(t, err.Error(), a)
			}
		})
	}
}

func TestParseReportsEveryMistakeOfATag(t *testing.T) {
	t.Parallel()
	p, err := policy.Parse("asid,ttl=0,flush=1s,colour=red,,jitter=5%,jitter=5%")
	require.Zero(t, p)
	require.Equal(t, []string{"asid", "ttl=0", "colour=red", "", "jitter=5%"}, words(t, err),
		"without a strategy no option is of the wrong one, and a bad ttl is still a ttl")
}

func TestParseErrorNamesTypeAndFieldOnceTheyAreKnown(t *testing.T) {
	t.Parallel()
	e := policy.ParseError{Tag: "aside,ttl", Word: "ttl", Problem: "needs a value", Allowed: []string{"a", "b"}}
	require.EqualError(t, &e, `policy: cache:"aside,ttl": "ttl" needs a value; allowed: a, b`)
	e.Type = "shop.Order"
	require.EqualError(t, &e, `policy: shop.Order: cache:"aside,ttl": "ttl" needs a value; allowed: a, b`)
	e.Field = "Model.ID"
	require.EqualError(t, &e, `policy: shop.Order, field Model.ID: cache:"aside,ttl": "ttl" needs a value; allowed: a, b`)
	e.Allowed = nil
	require.EqualError(t, &e, `policy: shop.Order, field Model.ID: cache:"aside,ttl": "ttl" needs a value`)
}

// words are the wrong words of all mistakes in an error.
func words(t testing.TB, err error) []string {
	t.Helper()
	var list []string
	for _, e := range mistakes(t, err) {
		list = append(list, e.Word)
	}
	return list
}

// mistakes are the parts of an error, each of which must be a ParseError.
func mistakes(t testing.TB, err error) []*policy.ParseError {
	t.Helper()
	require.Error(t, err)
	parts := []error{err}
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		parts = joined.Unwrap()
	}
	list := make([]*policy.ParseError, len(parts))
	for i, part := range parts {
		require.True(t, errors.As(part, &list[i]), "%T", part)
	}
	return list
}
