package policy

import (
	"database/sql/driver"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Tagged is what the tags of a struct type say.
type Tagged struct {
	// Policy is nil when no field carries one.
	Policy *Policy
	// Field is the Go name of the field that carries it, such as "_" or "Model", with the names of the structs it is
	// embedded in before it.
	Field string
	// Hidden are the fields that are never stored in the cache, in the order of the type.
	Hidden []HiddenField
}

// HiddenField is a field tagged cache:"-". Below an embedded struct so tagged its fields follow, one entry each.
type HiddenField struct {
	// Index is the path for reflect.Value.FieldByIndex and reflect.Type.FieldByIndex.
	Index []int
	// Name is the path in Go names, such as "PasswordHash" or "Login.PasswordHash": what GORM's BindName returns.
	Name string
}

// Of reads the tags of a struct type, or of a pointer to one, or a slice of them. It looks into embedded structs,
// those with the tag gorm:"embedded" included, but not into other types of fields.
//
// The error holds one *ParseError, with Type and Field, for each mistake in the type: those of Parse; a second policy,
// whose error names both fields; cache:"-" on a blank field; a struct tag that has a cache key but is written so that
// the reflect package cannot read it; a type that is no struct. The result is then zero.
func Of(t reflect.Type) (Tagged, error) {
	w := walk{typ: typeName(t)}
	if t == nil || indirect(t).Kind() != reflect.Struct {
		return Tagged{}, &ParseError{Type: w.typ, Word: "the type", Problem: "is no struct", code: true}
	}
	w.structure(indirect(t), nil, "", false)
	if len(w.mistakes) > 0 {
		return Tagged{}, join(w.mistakes)
	}
	return w.found, nil
}

// walk goes through the fields of a type and of the structs embedded in it.
type walk struct {
	typ      string
	found    Tagged
	tag      string         // of found.Policy, or of the bad tag that stands in its place
	path     []reflect.Type // the structs we are in, for a type may embed a pointer to itself
	mistakes []*ParseError
}

// structure reads the fields of t, whose own place in the model is index and prefix. hidden: t is embedded under
// cache:"-".
func (w *walk) structure(t reflect.Type, index []int, prefix string, hidden bool) {
	if slices.Contains(w.path, t) {
		return
	}
	w.path = append(w.path, t)
	defer func() { w.path = w.path[:len(w.path)-1] }()
	for i := range t.NumField() {
		w.field(t.Field(i), append(slices.Clip(index), i), prefix, hidden)
	}
}

func (w *walk) field(f reflect.StructField, index []int, prefix string, hidden bool) {
	name := prefix + f.Name
	tag, ok := f.Tag.Lookup("cache")
	hides := strings.Trim(tag, " ") == "-"
	switch {
	case !ok && malformed(f.Tag):
		w.mistakes = append(w.mistakes, &ParseError{
			Type: w.typ, Field: name, Word: "struct tag " + strconv.Quote(string(f.Tag)),
			Problem: "cannot be read", Allowed: []string{`key:"value" pairs with one space between them`}, code: true,
		})
	case !ok:
	case hides && f.Name == "_":
		w.mistakes = append(w.mistakes, &ParseError{
			Type: w.typ, Field: name, Tag: tag, Word: tag, Problem: "on a blank field hides nothing",
			Allowed: append(strategyWords(), `"-" on the field to hide`),
		})
	case hides:
		hidden = true
	default:
		w.policy(name, tag)
	}
	if hidden && f.Name != "_" {
		w.found.Hidden = append(w.found.Hidden, HiddenField{Index: index, Name: name})
	}
	if inner, ok := embeddedStruct(f); ok {
		w.structure(inner, index, name+".", hidden)
	}
}

// policy takes the tag of a field as the model's, unless another field has one already.
func (w *walk) policy(name, tag string) {
	p, mistakes := parse(tag)
	for _, e := range mistakes {
		e.Type, e.Field = w.typ, name
	}
	w.mistakes = append(w.mistakes, mistakes...)
	if w.found.Field != "" {
		w.mistakes = append(w.mistakes, &ParseError{
			Type: w.typ, Field: name, Tag: tag, Word: tag,
			Problem: "is a second policy: field " + w.found.Field + " has cache:" + strconv.Quote(w.tag),
			Allowed: []string{"one policy for each model"},
		})
		return
	}
	w.found.Policy, w.found.Field, w.tag = &p, name, tag
}

// embeddedStruct is the struct whose fields GORM counts as the model's own.
func embeddedStruct(f reflect.StructField) (reflect.Type, bool) {
	t := f.Type
	for t.Kind() == reflect.Pointer && t.Name() == "" {
		t = t.Elem()
	}
	return t, t.Kind() == reflect.Struct && (gormEmbeds(f.Tag.Get("gorm")) || f.Anonymous && !isColumn(t))
}

// gormEmbeds reports whether a gorm tag, a list of settings between semicolons, has the setting embedded.
func gormEmbeds(tag string) bool {
	for setting := range strings.SplitSeq(tag, ";") {
		key, _, _ := strings.Cut(setting, ":")
		if strings.EqualFold(strings.TrimSpace(key), "embedded") {
			return true
		}
	}
	return false
}

// isColumn reports whether a struct is one value for the database, so that embedding it makes a column and not its fields.
func isColumn(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[driver.Valuer]()) || t.ConvertibleTo(reflect.TypeFor[time.Time]())
}
