package rowset

import (
	"errors"
	"fmt"
	"reflect"
)

var (
	// ErrCorrupt means that bytes given as an answer are none: cut short,
	// altered, or of another version of the form.
	ErrCorrupt = errors.New("corrupt rowset")
	// ErrTooLarge means that an answer outgrew the limit given to Capture.
	ErrTooLarge = errors.New("rowset larger than the limit")
	// ErrManyResults means that a statement answered with more than one
	// result set. Such an answer can be handed on but has no encoded form.
	ErrManyResults = errors.New("more than one result set")
	// ErrShape means that a row has another number of values than there are
	// columns, or that a range of columns lies outside of them.
	ErrShape = errors.New("values do not match the columns")
)

// UnsupportedError reports a value or a scan type without an encoded form.
type UnsupportedError struct {
	Column string       // name of the column
	Type   reflect.Type // type of the value, or the scan type
}

// Error names the column and the type.
func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("column %q: values of type %v have no encoded form", e.Column, e.Type)
}

func corrupt(what string) error {
	return fmt.Errorf("read %s: %w", what, ErrCorrupt)
}
