package storetest

import (
	"context"
	"errors"
	"fmt"

	"github.com/cachewright/cachewright/store"
)

// Op names a method of store.Store that Faulty can break.
type Op int

// The operations of a store.
const (
	OpGet Op = iota
	OpSet
	OpDelete
	opCount
)

// String returns the name of the method.
func (o Op) String() string {
	switch o {
	case OpGet:
		return "Get"
	case OpSet:
		return "Set"
	case OpDelete:
		return "Delete"
	default:
		return fmt.Sprintf("Op(%d)", int(o))
	}
}

// Fault is what happens to one call. The zero Fault lets it pass.
//
// The context the functions get ends with that of the call, and when the Faulty is closed; its context.Cause tells which.
type Fault struct {
	// Before, if set, runs before the operation. If it returns an error, the operation does not take place and the call
	// returns that error. It may also block, or signal that the call has come this far.
	Before func(ctx context.Context) error
	// After, if set, runs after the operation took place, whatever came of it. If it returns an error, the call returns that
	// error and nothing else: as a reply that was lost.
	After func(ctx context.Context) error
}

// FailBefore fails a call that then has no effect. The contract asks for an err that wraps one of store's errors.
func FailBefore(err error) Fault {
	return Fault{Before: func(context.Context) error { return err }}
}

// FailAfter fails a call after it took effect, as when only the reply was lost.
func FailAfter(err error) Fault {
	return Fault{After: func(context.Context) error { return err }}
}

// HangBefore lets a call wait, before it has an effect, until its context ends; it returns the context's error. When the
// Faulty is closed meanwhile, the call returns an error wrapping store.ErrUnavailable.
func HangBefore() Fault { return Fault{Before: hang} }

// HangAfter is HangBefore for a call that has taken effect.
func HangAfter() Fault { return Fault{After: hang} }

func (f Fault) isZero() bool { return f.Before == nil && f.After == nil }

func (f Fault) before(ctx context.Context) error {
	if f.Before == nil {
		return nil
	}
	return f.Before(ctx)
}

func (f Fault) after(ctx context.Context) error {
	if f.After == nil {
		return nil
	}
	return f.After(ctx)
}

// errClosed is why a hanging call ends when its Faulty is closed.
var errClosed = fmt.Errorf("closed during the call: %w", store.ErrUnavailable)

func hang(ctx context.Context) error {
	<-ctx.Done()
	if cause := context.Cause(ctx); errors.Is(cause, errClosed) {
		return cause
	}
	return ctx.Err()
}
