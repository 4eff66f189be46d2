package cacheplugin_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
)

// frozen is the clock of every handle: what GORM writes by itself is the same on all of them, and long ago.
func frozen() time.Time { return time.Date(2002, 3, 4, 5, 6, 7, 8000, time.UTC) }

func time0() time.Time { return time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC) }

// witness writes down all that an application sees of its calls.
type witness struct {
	testing.TB
	*gorm.DB // a session of the trial's own
	ctx      context.Context
	trace    *[]string
	seen     []string
	panicked bool
}

func newWitness(tb testing.TB, db *gorm.DB) *witness {
	tb.Helper()
	w := &witness{TB: tb, trace: new([]string)}
	w.ctx = withTrace(tb.Context(), w.trace)
	w.DB = db.WithContext(w.ctx)
	return w
}

// with is the session with other settings.
func (w *witness) with(s gorm.Session) *gorm.DB { return w.Session(&s) }

// translated is the session with GORM's own errors.
func (w *witness) translated() *gorm.DB {
	db := w.Session(&gorm.Session{})
	db.TranslateError = true // the session has a configuration of its own
	return db
}

// try does the trial. GORM panics where it is asked for nonsense, and is to do so with the plugin.
func (w *witness) try(tr trial) {
	defer func() {
		if p := recover(); p != nil {
			w.panicked = true
			w.saw(fmt.Sprintf("panic: %v", p))
		}
	}()
	tr.do(w)
}

// ran notes a call's outcome, the hooks it ran, and pointers to what it may have changed.
func (w *witness) ran(tx *gorm.DB, values ...any) {
	w.saw(append([]any{fmt.Sprintf("rows %d", tx.RowsAffected), tx.Error}, values...)...)
}

// saw notes values, errors among them, and the hooks that ran.
func (w *witness) saw(values ...any) {
	var b strings.Builder
	for _, hook := range *w.trace {
		fmt.Fprintf(&b, "[%s] ", hook)
	}
	*w.trace = nil
	for _, v := range values {
		if err, ok := v.(error); ok {
			b.WriteString(renderError(err) + "; ")
			continue
		}
		if text, ok := v.(string); ok {
			b.WriteString(text + "; ")
			continue
		}
		render(&b, reflect.ValueOf(v), 0)
		b.WriteString("; ")
	}
	w.seen = append(w.seen, b.String())
}

// address is what GORM prints of some destinations.
var address = regexp.MustCompile(`0x[0-9a-f]{6,}`) //nolint:gochecknoglobals // a constant in all but the language

// schemaName is what MariaDB puts before the names of tables: each side has its own.
var schemaName = regexp.MustCompile(`cw_[0-9a-f]{16}`) //nolint:gochecknoglobals // as above

// renderError is the text of an error and all that errors.Is and errors.As tell of it.
func renderError(err error) string {
	text := fmt.Sprintf("error %q", schemaName.ReplaceAllString(address.ReplaceAllString(err.Error(), "0x"), "cw"))
	for _, class := range []error{
		gorm.ErrRecordNotFound, gorm.ErrDuplicatedKey, gorm.ErrForeignKeyViolated, gorm.ErrCheckConstraintViolated, gorm.ErrInvalidData,
		gorm.ErrInvalidField, gorm.ErrInvalidValue, gorm.ErrInvalidTransaction, gorm.ErrMissingWhereClause, gorm.ErrPrimaryKeyRequired,
		gorm.ErrModelValueRequired, gorm.ErrUnsupportedRelation, gorm.ErrUnsupportedDriver, gorm.ErrEmptySlice, gorm.ErrDryRunModeUnsupported,
		sql.ErrNoRows, sql.ErrTxDone, sql.ErrConnDone, context.Canceled, context.DeadlineExceeded,
	} {
		if errors.Is(err, class) {
			text += fmt.Sprintf(" is %q", class.Error())
		}
	}
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		text += " state " + state.SQLState()
	}
	var code interface{ Code() int }
	if errors.As(err, &code) {
		text += fmt.Sprintf(" code %d", code.Code())
	}
	return text
}

// render writes a value with its types, nil and empty told apart, and times with their zones.
func render(b *strings.Builder, v reflect.Value, depth int) {
	const deepest = 24
	if !v.IsValid() {
		b.WriteString("nil")
		return
	}
	if depth > deepest {
		b.WriteString("…")
		return
	}
	if v.Type() == reflect.TypeFor[time.Time]() && v.CanInterface() {
		t := v.Interface().(time.Time)
		fmt.Fprintf(b, "%s in %q UTC=%t Local=%t", t.Format(time.RFC3339Nano), t.Location(), t.Location() == time.UTC, t.Location() == time.Local)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			b.WriteString("(" + v.Type().String() + ")(nil)")
			return
		}
		b.WriteByte('&')
		render(b, v.Elem(), depth+1)
	case reflect.Interface:
		render(b, v.Elem(), depth+1)
	case reflect.Struct:
		b.WriteString(v.Type().String() + "{")
		for i := range v.NumField() {
			if !v.Field(i).IsZero() {
				b.WriteString(v.Type().Field(i).Name + ": ")
				render(b, v.Field(i), depth+1)
				b.WriteString(", ")
			}
		}
		b.WriteByte('}')
	case reflect.Slice, reflect.Array:
		renderList(b, v, depth)
	case reflect.Map:
		renderMap(b, v, depth)
	case reflect.String:
		fmt.Fprintf(b, "%s(%q)", v.Type(), v.String())
	case reflect.Float32, reflect.Float64:
		fmt.Fprintf(b, "%s(%x, %v)", v.Type(), math.Float64bits(v.Float()), v.Float())
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		fmt.Fprintf(b, "%s nil=%t", v.Type(), v.IsNil())
	default:
		fmt.Fprintf(b, "%s(%v)", v.Type(), plainNumber(v))
	}
}

// plainNumber is the number without the methods of its type.
func plainNumber(v reflect.Value) any {
	switch {
	case v.CanInt():
		return v.Int()
	case v.CanUint():
		return v.Uint()
	case v.CanComplex():
		return v.Complex()
	default:
		return v.Bool()
	}
}

func renderList(b *strings.Builder, v reflect.Value, depth int) {
	b.WriteString(v.Type().String())
	if v.Kind() == reflect.Slice && v.IsNil() {
		b.WriteString("(nil)")
		return
	}
	if v.Type().Elem().Kind() == reflect.Uint8 && v.Kind() == reflect.Slice {
		fmt.Fprintf(b, "(%q)", v.Bytes())
		return
	}
	b.WriteByte('{')
	for i := range v.Len() {
		render(b, v.Index(i), depth+1)
		b.WriteString(", ")
	}
	b.WriteByte('}')
}

func renderMap(b *strings.Builder, v reflect.Value, depth int) {
	b.WriteString(v.Type().String())
	if v.IsNil() {
		b.WriteString("(nil)")
		return
	}
	var entries []string
	for it := v.MapRange(); it.Next(); {
		var e strings.Builder
		render(&e, it.Key(), depth+1)
		e.WriteString(": ")
		render(&e, it.Value(), depth+1)
		entries = append(entries, e.String())
	}
	slices.Sort(entries)
	b.WriteString("{" + strings.Join(entries, ", ") + "}")
}
