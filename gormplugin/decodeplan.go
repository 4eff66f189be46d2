package cacheplugin

import (
	"bytes"
	"context"
	"math"
	"reflect"
	"strings"
	"time"
	"unsafe"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/cachewright/cachewright/internal/rowset"
)

// decodePlan says how the columns of an answer go into the fields of a model. It holds for all answers with its header.
type decodePlan struct {
	header []byte
	fields []fieldPlan // nil: the answer must go through gorm.Scan
}

// fieldPlan is where a column goes. The type of what stands there was checked when the plan was made, so a value of the
// right kind is written to its address without asking again.
type fieldPlan struct {
	kind   fieldKind // fieldNone: the model has no such field, and the column is passed over
	takes  rowset.Kind
	offset uintptr       // from the start of the struct
	far    *schema.Field // a field behind an embedded pointer, which GORM makes if need be; offset is not used
}

type fieldKind uint8

const (
	fieldNone fieldKind = iota
	fieldInt64
	fieldInt32
	fieldInt16
	fieldInt8
	fieldUint64
	fieldUint32
	fieldUint16
	fieldUint8
	fieldFloat
	fieldBool
	fieldString
	fieldTime
	fieldDeletedAt
)

// planFor returns the plan for the answer's columns, nil if there is none.
func (m *model) planFor(v rowset.View) *decodePlan {
	plan := m.plan.Load()
	if plan == nil || !bytes.Equal(plan.header, v.Header()) {
		plan = m.newPlan(v)
		m.plan.Store(plan)
	}
	if plan.fields == nil {
		return nil
	}
	return plan
}

func (m *model) newPlan(v rowset.View) *decodePlan {
	plan := &decodePlan{header: bytes.Clone(v.Header())}
	fields := make([]fieldPlan, v.NumColumns())
	seen := map[string]bool{}
	for i := range fields {
		name := v.ColumnName(i)
		if seen[name] {
			return plan // GORM deals several fields to several columns of one name
		}
		seen[name] = true
		f := m.schema.LookUpField(name)
		if f == nil {
			// A name with a double underscore may be a nested relation's.
			if strings.Contains(name, "__") {
				return plan
			}
			continue
		}
		if !f.Readable || f.Serializer != nil {
			return plan
		}
		if fields[i].kind, fields[i].takes = fieldKindOf(f.FieldType); fields[i].kind == fieldNone {
			return plan
		}
		var near bool
		if fields[i].offset, near = offsetOf(m.schema.ModelType, f.StructField.Index); !near {
			fields[i].far = f
		}
	}
	if len(fields) == 1 {
		return plan // GORM may take a single column for a Pluck
	}
	plan.fields = fields
	return plan
}

// offsetOf is where the field with GORM's index stands in the struct. GORM marks a step through a pointer by a negative number.
func offsetOf(t reflect.Type, index []int) (offset uintptr, near bool) {
	for _, n := range index {
		if n < 0 || t.Kind() != reflect.Struct {
			return 0, false
		}
		f := t.Field(n)
		offset, t = offset+f.Offset, f.Type
	}
	return offset, true
}

// fieldKindOf is the kind of a field whose value needs no conversion of its own, and the kind of value it takes; fieldNone for
// all others.
func fieldKindOf(t reflect.Type) (fieldKind, rowset.Kind) {
	switch t {
	case reflect.TypeFor[time.Time]():
		return fieldTime, rowset.KindTime
	case reflect.TypeFor[gorm.DeletedAt]():
		return fieldDeletedAt, rowset.KindTime
	}
	if t.PkgPath() != "" {
		return fieldNone, 0 // a named type may have methods that GORM or database/sql asks
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return map[int]fieldKind{64: fieldInt64, 32: fieldInt32, 16: fieldInt16, 8: fieldInt8}[t.Bits()], rowset.KindInt64
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return map[int]fieldKind{64: fieldUint64, 32: fieldUint32, 16: fieldUint16, 8: fieldUint8}[t.Bits()], rowset.KindInt64
	case reflect.Float64:
		return fieldFloat, rowset.KindFloat64
	case reflect.Bool:
		return fieldBool, rowset.KindBool
	case reflect.String:
		return fieldString, rowset.KindString
	default:
		return fieldNone, 0
	}
}

// fits checks every value of a row before the first is assigned.
func (p *decodePlan) fits(values []rowset.Value) bool {
	for i := range p.fields {
		f, v := &p.fields[i], &values[i]
		if v.Kind() != f.takes {
			if f.kind == fieldNone || v.IsNull() || f.kind == fieldString && v.Kind() == rowset.KindBytes ||
				f.kind == fieldBool && v.Kind() == rowset.KindInt64 && uint64(v.Int64()) <= 1 {
				continue // MySQL's driver gives text as bytes, and booleans as numbers
			}
			return false
		}
		if f.takes == rowset.KindInt64 && f.kind != fieldInt64 && !f.holds(v.Int64()) {
			return false
		}
	}
	return true
}

// holds reports whether the integer is in the range of the field.
func (f *fieldPlan) holds(n int64) bool {
	switch f.kind {
	case fieldInt32:
		return int64(int32(n)) == n
	case fieldInt16:
		return int64(int16(n)) == n
	case fieldInt8:
		return int64(int8(n)) == n
	case fieldUint64:
		return n >= 0
	case fieldUint32:
		return n >= 0 && n <= math.MaxUint32
	case fieldUint16:
		return n >= 0 && n <= math.MaxUint16
	case fieldUint8:
		return n >= 0 && n <= math.MaxUint8
	default:
		return true
	}
}

// assign writes the values of a row, which fit, into a struct of the model. NULL leaves a field as it is, as GORM's own
// setters do for these kinds.
func (p *decodePlan) assign(values []rowset.Value, dest reflect.Value) {
	base := dest.Addr().UnsafePointer()
	for i := range p.fields {
		f, v := &p.fields[i], &values[i]
		if f.kind == fieldNone || v.IsNull() {
			continue
		}
		at := unsafe.Add(base, f.offset)
		if f.far != nil {
			at = f.far.ReflectValueOf(context.Background(), dest).Addr().UnsafePointer()
		}
		switch f.kind {
		case fieldInt64, fieldUint64:
			*(*int64)(at) = v.Int64()
		case fieldInt32, fieldUint32:
			*(*int32)(at) = int32(v.Int64())
		case fieldInt16, fieldUint16:
			*(*int16)(at) = int16(v.Int64())
		case fieldInt8, fieldUint8:
			*(*int8)(at) = int8(v.Int64())
		case fieldFloat:
			*(*float64)(at) = v.Float64()
		case fieldBool:
			*(*bool)(at) = v.Bool()
		case fieldString:
			*(*string)(at) = v.StringAlias()
		case fieldTime:
			*(*time.Time)(at) = v.Time()
		case fieldDeletedAt:
			*(*gorm.DeletedAt)(at) = gorm.DeletedAt{Time: v.Time(), Valid: true}
		}
	}
}
