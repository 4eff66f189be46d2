package rowset

import (
	"context"
	"database/sql/driver"
	"io"
	"reflect"
)

// replay is an encoded answer as a driver's rows. database/sql calls it from
// one goroutine at a time.
type replay struct {
	ctx     context.Context //nolint:containedctx // the reader's, asked at each row
	source  driver.Rows     // this replay, or the resumed rows around it
	view    View
	it      Iterator
	arena   arena
	names   []string // the reader's own: GORM writes to it
	inline  [8]string
	before  []Column // of the columns seen; nil until asked for
	onFirst []Column
	foreign []any
	started bool
}

// init sets the replay before the first row of v; names are those of all
// columns of the answer.
func (r *replay) init(ctx context.Context, v View, names []string) {
	r.ctx, r.view, r.it = ctx, v, v.Rows()
	r.names = append(r.inline[:0], names[v.first:v.last]...)
	r.arena = arena{answer: len(v.data), left: len(v.values)}
	r.before, r.onFirst, r.foreign, r.started = nil, nil, nil, false
}

// Columns implements driver.Rows.
func (r *replay) Columns() []string { return r.names }

// Close implements driver.Rows. It forgets the rows, for a *sql.Rows outlives
// its closing as long as its owner keeps it.
func (r *replay) Close() error {
	r.it, r.view, r.arena = Iterator{}, View{}, arena{}
	return nil
}

// Next implements driver.Rows.
func (r *replay) Next(dest []driver.Value) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	if !r.it.Next() {
		if err := r.it.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	r.started = true
	for i := range dest {
		v := r.it.cut()
		switch v.kind {
		case KindString:
			dest[i] = r.arena.text(v)
		case KindBytes:
			dest[i] = r.arena.bytes(v)
		case kindForeign:
			if v.bits >= uint64(len(r.foreign)) {
				return corrupt("value")
			}
			dest[i] = r.foreign[v.bits]
		case KindInvalid:
			return r.it.Err()
		default:
			dest[i] = v.scalar()
		}
	}
	return nil
}

// ColumnTypeScanType implements driver.RowsColumnTypeScanType.
func (r *replay) ColumnTypeScanType(i int) reflect.Type { return r.column(i).ScanType }

// ColumnTypeDatabaseTypeName implements driver.RowsColumnTypeDatabaseTypeName.
func (r *replay) ColumnTypeDatabaseTypeName(i int) string { return r.column(i).DatabaseType }

// ColumnTypeLength implements driver.RowsColumnTypeLength.
func (r *replay) ColumnTypeLength(i int) (length int64, ok bool) {
	c := r.column(i)
	return c.Length, c.HasLength
}

// ColumnTypeNullable implements driver.RowsColumnTypeNullable.
func (r *replay) ColumnTypeNullable(i int) (nullable, ok bool) {
	c := r.column(i)
	return c.Nullable, c.HasNullable
}

// ColumnTypePrecisionScale implements driver.RowsColumnTypePrecisionScale.
func (r *replay) ColumnTypePrecisionScale(i int) (precision, scale int64, ok bool) {
	c := r.column(i)
	return c.Precision, c.Scale, c.HasDecimal
}

// column decodes the types when first asked, which few readers do. Damage
// there cannot be reported by these methods and reads as "nothing known".
func (r *replay) column(i int) Column {
	columns := &r.before
	if r.started {
		columns = &r.onFirst
	}
	if *columns == nil {
		var err error
		if r.started {
			*columns, err = r.view.FirstRowColumns()
		} else {
			*columns, err = r.view.Columns()
		}
		if err != nil {
			*columns = make([]Column, r.view.NumColumns())
			for j := range *columns {
				(*columns)[j].ScanType = reflect.TypeFor[any]()
			}
		}
	}
	return (*columns)[i]
}
