package cacheplugin

import (
	"reflect"

	"gorm.io/gorm"

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

// decode fills structs of the model straight from the answer. It reports false when some column or value asks for more than a
// plain assignment: a struct is then as it was, and a slice is in a state that gorm.Scan, which begins it anew, does not see.
func (r *reader) decode(v rowset.View) bool {
	stmt := r.db.Statement
	if r.model == nil || stmt.Schema != r.model.schema || len(stmt.ColumnMapping) > 0 || len(stmt.Joins) > 0 {
		return false
	}
	dest := stmt.ReflectValue
	switch dest.Kind() {
	case reflect.Struct:
		if dest.Type() != r.model.schema.ModelType || !dest.CanAddr() {
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
	return plan != nil && plan.fill(r.db, v, dest)
}

// fewColumns is how many values of a row are held on the stack on their way.
const fewColumns = 16

// fill assigns the rows, each only when all of its values have been found to fit.
func (p *decodePlan) fill(db *gorm.DB, v rowset.View, dest reflect.Value) bool {
	var few [fewColumns]rowset.Value
	values := few[:]
	if len(p.fields) > len(few) {
		values = make([]rowset.Value, len(p.fields))
	}
	values = values[:len(p.fields)]
	it := v.Rows()
	if dest.Kind() == reflect.Slice {
		if !p.rows(&it, values, v.NumRows(), dest) {
			return false
		}
		db.RowsAffected = int64(v.NumRows())
	} else {
		n := int64(0)
		if it.Next() {
			if !it.Row(values) || !p.fits(values) {
				return false
			}
			p.assign(values, dest)
			n = 1
		}
		if it.Err() != nil {
			return false
		}
		db.RowsAffected = n
	}
	if db.RowsAffected == 0 && db.Statement.RaiseErrorOnNotFound && db.Error == nil {
		_ = db.AddError(gorm.ErrRecordNotFound)
	}
	return true
}

// rows fills a slice: its room first, then what it grows by. Elements are always new, never what stood there before.
func (p *decodePlan) rows(it *rowset.Iterator, values []rowset.Value, n int, dest reflect.Value) bool {
	emptySlice(dest)
	if dest.Cap() < n {
		dest.Set(reflect.MakeSlice(dest.Type(), 0, n))
	}
	dest.SetLen(n)
	elem := dest.Type().Elem()
	for i := range n {
		if !it.Next() || !it.Row(values) || !p.fits(values) {
			dest.SetLen(0)
			return false
		}
		at := dest.Index(i)
		if elem.Kind() == reflect.Pointer {
			at.Set(reflect.New(elem.Elem()))
			at = at.Elem()
		} else {
			at.SetZero()
		}
		p.assign(values, at)
	}
	return !it.Next() && it.Err() == nil
}
