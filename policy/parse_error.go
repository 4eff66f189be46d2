package policy

import (
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// ParseError is one mistake in a tag, or in a Policy written in code. Find it with errors.As; where there are several
// mistakes they are joined, one ParseError each.
type ParseError struct {
	// Type is the Go type, such as "shop.Order". Empty until Of or Resolve fills it.
	Type string
	// Field is the Go field that carries the tag, such as "_" or "Model.ID". Empty until Of fills it.
	Field string
	// Tag is the tag as written, without cache:"…" around it. Empty for a Policy written in code.
	Tag string
	// Word is the part of the tag that is wrong, such as "flush=1s", or the field of the Policy with its value. It may
	// be empty, as an option or a whole tag may.
	Word string
	// Problem says what is wrong with Word; it is the predicate of a sentence.
	Problem string
	// Allowed is what could stand there. Empty when nothing could.
	Allowed []string

	code bool // made by Validate: there is no tag to show, and Word is not a quotation
}

// Error names the type, the field, the tag, the wrong word and what is allowed, as far as each is known.
func (e *ParseError) Error() string {
	var b strings.Builder
	b.WriteString("policy: ")
	if e.Type != "" {
		b.WriteString(e.Type)
		if e.Field != "" {
			b.WriteString(", field " + e.Field)
		}
		b.WriteString(": ")
	}
	if e.code {
		b.WriteString(e.Word)
	} else {
		b.WriteString("cache:" + strconv.Quote(e.Tag) + ": " + strconv.Quote(e.Word))
	}
	b.WriteString(" " + e.Problem)
	if len(e.Allowed) > 0 {
		b.WriteString("; allowed: " + strings.Join(e.Allowed, ", "))
	}
	return b.String()
}

// typeName is the name of t in messages: that of the struct, however it is pointed at.
func typeName(t reflect.Type) string {
	if t == nil {
		return "nil"
	}
	return indirect(t).String()
}

// indirect takes pointers, slices and arrays off a type, as a destination of a query has them. A type that is made of
// itself, such as type T []T, is returned somewhere on the way round.
func indirect(t reflect.Type) reflect.Type {
	var met []reflect.Type
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Array {
		if slices.Contains(met, t) {
			return t
		}
		met = append(met, t)
		t = t.Elem()
	}
	return t
}

// join is nil without mistakes, a *ParseError for one, and errors.Join for more.
func join(mistakes []*ParseError) error {
	if len(mistakes) == 1 {
		return mistakes[0]
	}
	errs := make([]error, len(mistakes))
	for i, e := range mistakes {
		errs[i] = e
	}
	return errors.Join(errs...)
}
