package testkit

import (
	"database/sql/driver"
	"io"
	"reflect"
)

// cutRows is a result that breaks off. What the driver's rows can tell about their columns stays known; for what they
// cannot, it answers as database/sql would.
type cutRows struct {
	driver.Rows
	left int
	err  error
}

var (
	_ driver.RowsNextResultSet              = (*cutRows)(nil)
	_ driver.RowsColumnTypeScanType         = (*cutRows)(nil)
	_ driver.RowsColumnTypeDatabaseTypeName = (*cutRows)(nil)
	_ driver.RowsColumnTypeLength           = (*cutRows)(nil)
	_ driver.RowsColumnTypeNullable         = (*cutRows)(nil)
	_ driver.RowsColumnTypePrecisionScale   = (*cutRows)(nil)
)

func (r *cutRows) Next(dest []driver.Value) error {
	if r.left <= 0 {
		return r.err
	}
	r.left--
	return r.Rows.Next(dest)
}

func (r *cutRows) HasNextResultSet() bool {
	inner, ok := r.Rows.(driver.RowsNextResultSet)
	return ok && inner.HasNextResultSet()
}

func (r *cutRows) NextResultSet() error {
	if inner, ok := r.Rows.(driver.RowsNextResultSet); ok {
		return inner.NextResultSet()
	}
	return io.EOF
}

func (r *cutRows) ColumnTypeScanType(index int) reflect.Type {
	if inner, ok := r.Rows.(driver.RowsColumnTypeScanType); ok {
		return inner.ColumnTypeScanType(index)
	}
	return reflect.TypeFor[any]()
}

func (r *cutRows) ColumnTypeDatabaseTypeName(index int) string {
	if inner, ok := r.Rows.(driver.RowsColumnTypeDatabaseTypeName); ok {
		return inner.ColumnTypeDatabaseTypeName(index)
	}
	return ""
}

func (r *cutRows) ColumnTypeLength(index int) (length int64, ok bool) {
	if inner, ok := r.Rows.(driver.RowsColumnTypeLength); ok {
		return inner.ColumnTypeLength(index)
	}
	return 0, false
}

func (r *cutRows) ColumnTypeNullable(index int) (nullable, ok bool) {
	if inner, ok := r.Rows.(driver.RowsColumnTypeNullable); ok {
		return inner.ColumnTypeNullable(index)
	}
	return false, false
}

func (r *cutRows) ColumnTypePrecisionScale(index int) (precision, scale int64, ok bool) {
	if inner, ok := r.Rows.(driver.RowsColumnTypePrecisionScale); ok {
		return inner.ColumnTypePrecisionScale(index)
	}
	return 0, 0, false
}
