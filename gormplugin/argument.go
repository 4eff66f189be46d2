package cacheplugin

import (
	"database/sql/driver"
	"errors"
	"reflect"
	"slices"
	"strings"
)

// guarded is an argument whose Value method may panic. database/sql keeps a transaction locked for good when that happens
// while a query is sent, so that not even Rollback returns; it does not while a statement is executed, which is what GORM
// would have done. So the panic is turned into an error, and let go again when the query has returned.
type guarded struct {
	inner  driver.Valuer
	caught *caughtPanic
}

var _ driver.Valuer = guarded{}

// caughtPanic is a panic on its way past database/sql.
type caughtPanic struct {
	value  any
	caught bool
}

var errArgumentPanicked = errors.New("cacheplugin: the Value method of an argument panicked")

// Value is the argument's own, asked as often as the driver asks.
func (g guarded) Value() (v driver.Value, err error) {
	returned := false
	defer func() {
		if !returned {
			g.caught.value, g.caught.caught = recover(), true
			err = errArgumentPanicked
		}
	}()
	v, err = g.inner.Value()
	returned = true
	return v, err
}

// guard puts guards around the arguments that need one. The list is the caller's own when none does.
func (p *Plugin) guard(args []any) ([]any, *caughtPanic) {
	var (
		own    []any
		caught *caughtPanic
	)
	for i, arg := range args {
		v, ok := arg.(driver.Valuer)
		if !ok || !p.guardable(arg) {
			continue
		}
		if own == nil {
			own, caught = slices.Clone(args), &caughtPanic{}
		}
		own[i] = guarded{inner: v, caught: caught}
	}
	if own == nil {
		return args, nil
	}
	return own, caught
}

// guardable reports whether a driver sees nothing in the argument but its Value method. A nil pointer is NULL without being
// asked.
func (p *Plugin) guardable(arg any) bool {
	if v := reflect.ValueOf(arg); v.Kind() == reflect.Pointer && v.IsNil() {
		return false
	}
	t := reflect.TypeOf(arg)
	known, ok := p.plainValuers.Load(t)
	if !ok {
		known = plainValuer(t)
		p.plainValuers.Store(t, known)
	}
	return known.(bool)
}

// plainValuer reports whether the type has none of the methods that pgx reads a value by instead of Value: Int64Value and
// its like, and those of arrays, ranges and composites.
func plainValuer(t reflect.Type) bool {
	for i := range t.NumMethod() {
		switch name := t.Method(i).Name; {
		case name == "Value":
		case strings.HasSuffix(name, "Value"), name == "Dimensions", name == "Index", name == "Bounds", name == "IsNull":
			return false
		}
	}
	return true
}

// again lets the panic go on, if there was one.
func (c *caughtPanic) again() {
	if c != nil && c.caught {
		panic(c.value)
	}
}
