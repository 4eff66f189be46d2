package policy_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/policy"
)

func TestResolveTakesCodeBeforeTagBeforeDefault(t *testing.T) {
	t.Parallel()
	model := reflect.TypeFor[plain]()
	def := &policy.Policy{Strategy: policy.Aside, TTL: time.Minute}
	tag := &policy.Policy{Strategy: policy.WriteThrough}
	code := &policy.Policy{Strategy: policy.WriteBack, Flush: time.Second}
	off := &policy.Policy{}
	for _, c := range []struct {
		name                 string
		def, tag, code, want *policy.Policy
	}{
		{"nothing is off", nil, nil, nil, off},
		{"a default alone", def, nil, nil, def},
		{"a tag over a default, as a whole", def, tag, nil, tag},
		{"a tag that turns the default off", def, off, nil, off},
		{"code over all", def, tag, code, code},
		{"code that turns a tag off", def, tag, off, off},
		{"code alone", nil, nil, code, code},
	} {
		got, err := policy.Resolve(model, c.def, c.tag, c.code)
		require.NoError(t, err, c.name)
		require.Equal(t, *c.want, got, c.name)
	}
}

func TestResolveRefusesWriteBackInCodeForACriticalModel(t *testing.T) {
	t.Parallel()
	critical := &policy.Policy{Strategy: policy.WriteThrough, Critical: true}
	back := &policy.Policy{Strategy: policy.WriteBack}
	for name, arrange := range map[string]func() (policy.Policy, error){
		"critical by tag": func() (policy.Policy, error) {
			return policy.Resolve(reflect.TypeFor[*plain](), nil, critical, back)
		},
		"critical by default, without a tag": func() (policy.Policy, error) {
			return policy.Resolve(reflect.TypeFor[[]plain](), critical, nil, back)
		},
	} {
		got, err := arrange()
		require.Zero(t, got, name)
		var refusal *policy.CriticalError
		require.ErrorAs(t, err, &refusal, name)
		require.Equal(t, policy.CriticalError{Type: "policy_test.plain", Policy: *critical}, *refusal)
		require.EqualError(t, err,
			"policy: policy_test.plain is critical (writethrough,critical): code may not move it to writeback")
	}
}

func TestResolveLetsATagReplaceACriticalDefault(t *testing.T) {
	t.Parallel()
	def := &policy.Policy{Strategy: policy.Aside, Critical: true}
	tag := &policy.Policy{Strategy: policy.WriteBack}
	got, err := policy.Resolve(reflect.TypeFor[plain](), def, tag, nil)
	require.NoError(t, err)
	require.Equal(t, *tag, got)
	got, err = policy.Resolve(reflect.TypeFor[plain](), def, tag, tag)
	require.NoError(t, err)
	require.Equal(t, *tag, got)
}

func TestResolveKeepsACriticalModelCritical(t *testing.T) {
	t.Parallel()
	tag := &policy.Policy{Strategy: policy.WriteThrough, Critical: true}
	got, err := policy.Resolve(reflect.TypeFor[plain](), nil, tag, &policy.Policy{Strategy: policy.Aside})
	require.NoError(t, err)
	require.Equal(t, policy.Policy{Strategy: policy.Aside, Critical: true}, got)
	require.True(t, tag.Critical && tag.Strategy == policy.WriteThrough, "the arguments are left alone")

	got, err = policy.Resolve(reflect.TypeFor[plain](), nil, tag, &policy.Policy{})
	require.NoError(t, err)
	require.Equal(t, policy.Policy{}, got, "off has nothing to protect, and stays valid")
}

func TestResolveChecksThePolicyItChooses(t *testing.T) {
	t.Parallel()
	bad := &policy.Policy{Strategy: policy.WriteBack, Flush: -1, Critical: true}
	good := &policy.Policy{Strategy: policy.Aside, Critical: true}

	_, err := policy.Resolve(reflect.TypeFor[plain](), nil, nil, bad)
	for _, e := range mistakes(t, err) {
		require.Equal(t, "policy_test.plain", e.Type)
	}
	require.Equal(t, []string{"Flush: -1ns", "Critical: true"}, words(t, err))

	_, err = policy.Resolve(reflect.TypeFor[plain](), bad, good, nil)
	require.NoError(t, err, "a default that is not chosen is not checked")

	_, err = policy.Resolve(reflect.TypeFor[plain](), nil, good, bad)
	var refusal *policy.CriticalError
	var parse *policy.ParseError
	require.ErrorAs(t, err, &refusal)
	require.ErrorAs(t, err, &parse)
}
