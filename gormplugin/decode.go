package cacheplugin

import (
	"bytes"
	"context"
	"math"
	"reflect"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/cachewright/cachewright/internal/rowset"
)

// deliver hands an answer to the statement's destination and reports whether it could be read. Structs of plain fields
// are filled straight from the encoded bytes; everything else goes through database/sql and gorm.Scan, whose rules the
// straight way follows to the letter or does not take.
func (r *reader) deliver(entry []byte) bool {
	data, gone, err := openEntry(entry)
	if err != nil {
		return false
	}
	db, stmt := r.db, r.db.Statement
	if gone {
		r.nothing()
		return true
	}
	v, err := rowset.Open(data)
	if err != nil {
		return false
	}
	if !r.decode(v) {
		rows, err := r.plugin.replayer.RowsOf(r.ctx, v)
		if err != nil {
			_ = db.AddError(err)
			return true
		}
		defer func() { _ = db.AddError(rows.Close()) }()
		gorm.Scan(rows, db, 0)
	}
	if stmt.Result != nil {
		stmt.Result.RowsAffected = db.RowsAffected
	}
	return true
}

// nothing is the answer without a row.
func (r *reader) nothing() {
	db, stmt := r.db, r.db.Statement
	db.RowsAffected = 0
	if stmt.ReflectValue.Kind() == reflect.Slice {
		emptySlice(stmt.ReflectValue)
	}
	if stmt.RaiseErrorOnNotFound && db.Error == nil {
		_ = db.AddError(gorm.ErrRecordNotFound)
	}
	if stmt.Result != nil {
		stmt.Result.RowsAffected = 0
	}
}

// emptySlice is how gorm.Scan begins with a slice: its room is used again, and none gives an empty one.
func emptySlice(s reflect.Value) {
	if s.Cap() == 0 {
		s.Set(reflect.MakeSlice(s.Type(), 0, 20))
		return
	}
	s.SetLen(0)
}

// decodePlan says how the columns of an answer go into the fields of a model. It holds for all answers with its header.
type decodePlan struct {
	header []byte
	fields []fieldPlan
}

type fieldPlan struct {
	field *schema.Field // nil: the model has no such field, and the column is passed over
	kind  fieldKind
}

type fieldKind uint8

const (
	fieldInt fieldKind = iota + 1
	fieldUint
	fieldFloat
	fieldBool
	fieldString
	fieldTime
	fieldDeletedAt
)

// decode fills structs of the model straight from the answer. It reports false, having changed nothing, when some
// column or value asks for more than a plain assignment.
func (r *reader) decode(v rowset.View) bool {
	stmt := r.db.Statement
	if r.model == nil || stmt.Schema != r.model.schema || len(stmt.ColumnMapping) > 0 || len(stmt.Joins) > 0 {
		return false
	}
	dest := stmt.ReflectValue
	switch dest.Kind() {
	case reflect.Struct:
		if dest.Type() != r.model.schema.ModelType {
			return false
		}
	case reflect.Slice:
		elem := dest.Type().Elem()
		if elem != r.model.schema.ModelType && (elem.Kind() != reflect.Pointer || elem.Elem() != r.model.schema.ModelType) {
			return false
		}
	default:
		return false
	}
	plan := r.model.planFor(v)
	if plan == nil || !plan.fits(v) {
		return false
	}
	plan.fill(r, v, dest)
	return true
}

// planFor returns the plan for the answer's columns, nil if there is none.
func (m *model) planFor(v rowset.View) *decodePlan {
	if plan := m.plan.Load(); plan != nil && bytes.Equal(plan.header, v.Header()) {
		if plan.fields == nil {
			return nil
		}
		return plan
	}
	plan := m.newPlan(v)
	m.plan.Store(plan)
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
		if !f.Readable {
			return plan
		}
		kind := fieldKindOf(f)
		if kind == 0 {
			return plan
		}
		fields[i] = fieldPlan{field: f, kind: kind}
	}
	if len(fields) == 1 {
		return plan // GORM may take a single column for a Pluck
	}
	plan.fields = fields
	return plan
}

var deletedAtType = reflect.TypeFor[gorm.DeletedAt]()

// fieldKindOf is the kind of a field whose value needs no conversion of its own; 0 for all others.
func fieldKindOf(f *schema.Field) fieldKind {
	if f.Serializer != nil {
		return 0
	}
	switch f.FieldType {
	case reflect.TypeFor[time.Time]():
		return fieldTime
	case deletedAtType:
		return fieldDeletedAt
	}
	if f.FieldType.PkgPath() != "" {
		return 0 // a named type may have methods that GORM or database/sql asks
	}
	switch f.FieldType.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return fieldInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return fieldUint
	case reflect.Float64:
		return fieldFloat
	case reflect.Bool:
		return fieldBool
	case reflect.String:
		return fieldString
	default:
		return 0
	}
}

// fits checks every value before the first is assigned.
func (p *decodePlan) fits(v rowset.View) bool {
	it := v.Rows()
	for it.Next() {
		for i := range p.fields {
			value := it.Value()
			if f := &p.fields[i]; f.field != nil && !f.takes(value) {
				return false
			}
		}
	}
	return it.Err() == nil
}

func (f *fieldPlan) takes(v rowset.Value) bool {
	if v.IsNull() {
		return true
	}
	switch f.kind {
	case fieldInt:
		bits := f.field.FieldType.Bits()
		n := v.Int64()
		return v.Kind() == rowset.KindInt64 && n<<(64-bits)>>(64-bits) == n
	case fieldUint:
		bits := f.field.FieldType.Bits()
		n := v.Int64()
		return v.Kind() == rowset.KindInt64 && n >= 0 && uint64(n) <= math.MaxUint64>>(64-bits)
	case fieldFloat:
		return v.Kind() == rowset.KindFloat64
	case fieldBool:
		return v.Kind() == rowset.KindBool
	case fieldString:
		return v.Kind() == rowset.KindString
	case fieldTime, fieldDeletedAt:
		return v.Kind() == rowset.KindTime
	default:
		return false
	}
}

// fill assigns the rows. NULL leaves a field as it is, as GORM's own setters do for these kinds.
func (p *decodePlan) fill(r *reader, v rowset.View, dest reflect.Value) {
	db := r.db
	db.RowsAffected = 0
	it := v.Rows()
	if dest.Kind() == reflect.Struct {
		if it.Next() {
			db.RowsAffected = 1
			p.row(r.ctx, &it, dest)
		}
	} else {
		p.rows(r, &it, v.NumRows(), dest)
	}
	if db.RowsAffected == 0 && db.Statement.RaiseErrorOnNotFound && db.Error == nil {
		_ = db.AddError(gorm.ErrRecordNotFound)
	}
}

// rows fills a slice: its room first, then what it grows by. Elements are always new, never what stood there before.
func (p *decodePlan) rows(r *reader, it *rowset.Iterator, n int, dest reflect.Value) {
	emptySlice(dest)
	if dest.Cap() < n {
		dest.Set(reflect.MakeSlice(dest.Type(), 0, n))
	}
	dest.SetLen(n)
	elem := dest.Type().Elem()
	for i := range n {
		if !it.Next() {
			dest.SetLen(i)
			return
		}
		at := dest.Index(i)
		if elem.Kind() == reflect.Pointer {
			at.Set(reflect.New(elem.Elem()))
			at = at.Elem()
		} else {
			at.SetZero()
		}
		p.row(r.ctx, it, at)
		r.db.RowsAffected++
	}
}

func (p *decodePlan) row(ctx context.Context, it *rowset.Iterator, dest reflect.Value) {
	for i := range p.fields {
		value := it.Value()
		f := &p.fields[i]
		if f.field == nil || value.IsNull() {
			continue
		}
		at := f.field.ReflectValueOf(ctx, dest)
		switch f.kind {
		case fieldInt:
			at.SetInt(value.Int64())
		case fieldUint:
			at.SetUint(uint64(value.Int64()))
		case fieldFloat:
			at.SetFloat(value.Float64())
		case fieldBool:
			at.SetBool(value.Bool())
		case fieldString:
			at.SetString(value.StringAlias())
		case fieldTime:
			*at.Addr().Interface().(*time.Time) = value.Time()
		case fieldDeletedAt:
			*at.Addr().Interface().(*gorm.DeletedAt) = gorm.DeletedAt{Time: value.Time(), Valid: true}
		}
	}
}
