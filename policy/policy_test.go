package policy_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/policy"
)

func TestZeroPolicyIsOffAndValid(t *testing.T) {
	t.Parallel()
	var p policy.Policy
	require.Equal(t, policy.Off, p.Strategy)
	require.Equal(t, "off", p.String())
	require.NoError(t, p.Validate())
	require.Equal(t, p, p.WithDefaults())
}

func TestWithDefaultsFillsWhatTheStrategyUses(t *testing.T) {
	t.Parallel()
	require.Equal(t, policy.Policy{Strategy: policy.Aside, Negative: 30 * time.Second},
		policy.Policy{Strategy: policy.Aside}.WithDefaults())
	require.Equal(t, policy.Policy{Strategy: policy.WriteThrough, Negative: 30 * time.Second},
		policy.Policy{Strategy: policy.WriteThrough}.WithDefaults())
	require.Equal(t, policy.Policy{
		Strategy: policy.WriteBack, Negative: 30 * time.Second, Flush: time.Second, Batch: 1000, Pending: 100_000,
	}, policy.Policy{Strategy: policy.WriteBack}.WithDefaults())
}

func TestWithDefaultsKeepsWhatIsSet(t *testing.T) {
	t.Parallel()
	p := policy.Policy{
		Strategy: policy.WriteBack, TTL: time.Hour, Jitter: 0.5, Negative: time.Minute, Queries: policy.QueriesOff,
		Flush: time.Minute, Batch: 1, Pending: 2, Full: policy.FullReject, Ack: policy.AckDisk, Reads: policy.ReadsFlushed,
	}
	require.Equal(t, p, p.WithDefaults())
	p.Negative = -time.Hour
	require.Equal(t, policy.NegativeOff, p.WithDefaults().Negative, "off stays off")
}

func TestValidateNamesTheField(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		policy policy.Policy
		want   []string
	}{
		{"an unknown strategy", policy.Policy{Strategy: 4}, []string{
			"policy: Strategy: Strategy(4) is no strategy; allowed: aside, writethrough, writeback, off",
		}},
		{"a lifetime below zero", policy.Policy{Strategy: policy.Aside, TTL: -1}, []string{
			"policy: TTL: -1ns is out of range; allowed: 0 for the default, a duration above zero such as 10m",
		}},
		{"jitter of no lifetime", policy.Policy{Strategy: policy.Aside, Jitter: 0.1}, []string{
			"policy: Jitter needs a TTL to shorten",
		}},
		{"jitter below zero", policy.Policy{Strategy: policy.Aside, TTL: 1, Jitter: -0.1}, []string{
			"policy: Jitter: -10% is out of range; allowed: 0 for the default, a percentage above 0% and below 100% such as 10%",
		}},
		{"jitter of everything", policy.Policy{Strategy: policy.Aside, TTL: 1, Jitter: 1}, []string{
			"policy: Jitter: 100% is out of range; allowed: 0 for the default, a percentage above 0% and below 100% such as 10%",
		}},
		{"jitter that is no number", policy.Policy{Strategy: policy.Aside, TTL: 1, Jitter: math.NaN()}, []string{
			"policy: Jitter: NaN% is out of range; allowed: 0 for the default, a percentage above 0% and below 100% such as 10%",
		}},
		{"an unknown value of Queries", policy.Policy{Strategy: policy.Aside, Queries: 2}, []string{
			"policy: Queries: Queries(2) is out of range; allowed: 0 for the default, off",
		}},
		{"a count below zero", policy.Policy{Strategy: policy.WriteBack, Pending: -1}, []string{
			"policy: Pending: -1 is out of range; allowed: 0 for the default, a count above zero such as 100000",
		}},
		{"unknown choices", policy.Policy{Strategy: policy.WriteBack, Full: 3, Ack: 4, Reads: 2}, []string{
			"policy: Full: Full(3) is out of range; allowed: 0 for the default, block, sync, reject",
			"policy: Ack: Ack(4) is out of range; allowed: 0 for the default, memory, journal, disk",
			"policy: Reads: Reads(2) is out of range; allowed: 0 for the default, latest, flushed",
		}},
		{"an unknown value of OnFail", policy.Policy{Strategy: policy.WriteThrough, OnFail: 255}, []string{
			"policy: OnFail: OnFail(255) is out of range; allowed: 0 for the default, error, invalidate",
		}},
		{"fields of other strategies", policy.Policy{Strategy: policy.Aside, Flush: time.Second, OnFail: policy.OnFailInvalidate}, []string{
			"policy: Flush: 1s is for writeback, not for aside; allowed: TTL, Jitter, Negative, Queries, Critical",
			"policy: OnFail: invalidate is for writethrough, not for aside; allowed: TTL, Jitter, Negative, Queries, Critical",
		}},
		{"critical write-back", policy.Policy{Strategy: policy.WriteBack, Critical: true}, []string{
			"policy: Critical: true is for aside and writethrough, not for writeback; allowed: TTL, Jitter, Negative, Queries, Flush, Batch, Pending, Full, Ack, Reads",
		}},
		{"fields of off", policy.Policy{TTL: time.Minute, Jitter: 0.1}, []string{
			"policy: TTL: 1m is an option, and off takes none",
			"policy: Jitter: 10% is an option, and off takes none",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, e := range mistakes(t, c.policy.Validate()) {
				require.Empty(t, e.Tag)
				got = append(got, e.Error())
			}
			require.Equal(t, c.want, got)
			require.NotPanics(t, func() { _ = c.policy.String(); _ = c.policy.WithDefaults() })
		})
	}
}

func TestStringIsCanonical(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]string{
		" writeback , reads=flushed,ack=disk,full=sync,pending=020,batch=10,flush=2000ms,queries=off,negative=60s,jitter=5.0%,ttl=60m": "writeback,ttl=1h,jitter=5%,negative=1m,queries=off,flush=2s,batch=10,pending=20,full=sync,ack=disk,reads=flushed",
		"writeback,full=block,reads=latest": "writeback",
		"writethrough,onfail=error":         "writethrough",
		"writeback,flush=1s":                "writeback,flush=1s",
		"aside,critical,ttl=90s":            "aside,ttl=1m30s,critical",
		"aside,ttl=10s":                     "aside,ttl=10s",
		"aside,ttl=3600s":                   "aside,ttl=1h",
		"aside,ttl=3610s":                   "aside,ttl=1h0m10s",
		"aside,ttl=36000s":                  "aside,ttl=10h",
		"aside,ttl=1h,jitter=00.0100%":      "aside,ttl=1h,jitter=0.01%",
		"aside,ttl=1h,jitter=99.9%":         "aside,ttl=1h,jitter=99.9%",
	} {
		p, err := policy.Parse(tag)
		require.NoError(t, err, tag)
		require.Equal(t, want, p.String())
	}
}

func TestParseReadsBackWhatStringPrints(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		p := randomPolicy(r)
		require.NoError(t, p.Validate(), "%+v", p)
		got, err := policy.Parse(p.String())
		require.NoError(t, err, p.String())
		require.Equal(t, p, got, p.String())

		full := p.WithDefaults()
		require.NoError(t, full.Validate(), "%+v", full)
		require.Equal(t, full, full.WithDefaults())
	}
}

// randomPolicy is any valid policy, with each optional field set half of the time.
func randomPolicy(r *rand.Rand) policy.Policy {
	set := func(do func()) {
		if r.IntN(2) == 0 {
			do()
		}
	}
	length := func() time.Duration { return time.Duration(r.Int64()>>r.IntN(62)) | 1 }
	p := policy.Policy{Strategy: policy.Strategy(r.IntN(4))}
	if p.Strategy == policy.Off {
		return p
	}
	set(func() {
		p.TTL = length()
		set(func() { p.Jitter = math.Float64frombits(r.Uint64N(math.Float64bits(1))) })
	})
	set(func() { p.Negative = length() })
	set(func() { p.Negative = policy.NegativeOff })
	set(func() { p.Queries = policy.QueriesOff })
	switch p.Strategy {
	case policy.WriteBack:
		set(func() { p.Flush = length() })
		set(func() { p.Batch = r.Int() })
		set(func() { p.Pending = r.Int() })
		p.Full = policy.Full(r.IntN(3))
		p.Ack = policy.Ack(r.IntN(4))
		p.Reads = policy.Reads(r.IntN(2))
	case policy.WriteThrough:
		p.OnFail = policy.OnFail(r.IntN(2))
		p.Critical = r.IntN(2) == 0
	default:
		p.Critical = r.IntN(2) == 0
	}
	return p
}

func TestEveryConstantHasItsWord(t *testing.T) {
	t.Parallel()
	for want, value := range map[string]interface{ String() string }{
		"off": policy.Off, "aside": policy.Aside, "writethrough": policy.WriteThrough, "writeback": policy.WriteBack,
		"Strategy(4)": policy.Strategy(4),
		"on":          policy.QueriesOn, "Queries(2)": policy.Queries(2),
		"block": policy.FullBlock, "sync": policy.FullSync, "reject": policy.FullReject, "Full(3)": policy.Full(3),
		"default": policy.AckDefault, "memory": policy.AckMemory, "journal": policy.AckJournal, "disk": policy.AckDisk,
		"Ack(255)": policy.Ack(255),
		"latest":   policy.ReadsLatest, "flushed": policy.ReadsFlushed, "Reads(2)": policy.Reads(2),
		"error": policy.OnFailError, "invalidate": policy.OnFailInvalidate, "OnFail(2)": policy.OnFail(2),
	} {
		require.Equal(t, want, value.String())
	}
	require.Equal(t, "off", policy.QueriesOff.String())
}
