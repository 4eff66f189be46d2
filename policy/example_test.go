package policy_test

import (
	"fmt"
	"reflect"
	"time"

	"github.com/cachewright/cachewright/policy"
)

func ExampleParse() {
	p, err := policy.Parse("writeback, flush=500ms, full=sync")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Strategy, p.Flush, p.Full)
	fmt.Println(p)
	fmt.Println(p.WithDefaults())
	// Output:
	// writeback 500ms sync
	// writeback,flush=500ms,full=sync
	// writeback,negative=30s,flush=500ms,batch=1000,pending=100000,full=sync
}

func ExampleParseError() {
	type Order struct {
		_     struct{} `cache:"aside,flush=1s,ttl=10"`
		ID    int64
		Total int64
	}
	_, err := policy.Of(reflect.TypeFor[Order]())
	fmt.Println(err)
	// Output:
	// policy: policy_test.Order, field _: cache:"aside,flush=1s,ttl=10": "flush=1s" is for writeback, not for aside; allowed: ttl=<duration>, jitter=<percentage>, negative=<duration>|off, queries=off, critical
	// policy: policy_test.Order, field _: cache:"aside,flush=1s,ttl=10": "ttl=10" has a bad value; allowed: a duration above zero such as 10m
}

func ExampleOf() {
	type User struct {
		_            struct{} `cache:"aside,ttl=1h"`
		ID           int64
		Name         string
		PasswordHash []byte `cache:"-"`
	}
	tagged, err := policy.Of(reflect.TypeFor[User]())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(tagged.Policy)
	fmt.Println("never stored:", tagged.Hidden[0].Name)
	// Output:
	// aside,ttl=1h
	// never stored: PasswordHash
}

func ExampleResolve() {
	type Payment struct {
		_  struct{} `cache:"writethrough,critical"`
		ID int64
	}
	model := reflect.TypeFor[Payment]()
	tagged, err := policy.Of(model)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = policy.Resolve(model, nil, tagged.Policy, &policy.Policy{Strategy: policy.WriteBack})
	fmt.Println(err)
	// Output:
	// policy: policy_test.Payment is critical (writethrough,critical): code may not move it to writeback
}

func ExamplePolicy_Validate() {
	p := policy.Policy{Strategy: policy.Aside, TTL: time.Hour, Batch: 100}
	fmt.Println(p.Validate())
	// Output:
	// policy: Batch: 100 is for writeback, not for aside; allowed: TTL, Jitter, Negative, Queries, Critical
}
