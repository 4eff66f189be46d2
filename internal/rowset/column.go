package rowset

import (
	"database/sql"
	"encoding/binary"
	"reflect"
)

// Column describes one column of an answer as sql.ColumnType does.
type Column struct {
	Name         string
	DatabaseType string
	// ScanType is one of the types drivers are known to name; nil is kept as
	// nil. For a column without any knowledge of it use that of any.
	ScanType    reflect.Type
	Nullable    bool // meaningful with HasNullable
	HasNullable bool
	Length      int64 // meaningful with HasLength
	HasLength   bool
	Precision   int64 // meaningful with HasDecimal
	Scale       int64
	HasDecimal  bool
}

const (
	flagNullable = 1 << iota
	flagHasNullable
	flagHasLength
	flagHasDecimal
)

// columnsOf asks an open *sql.Rows for its columns.
func columnsOf(rows *sql.Rows) ([]Column, error) {
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	columns := make([]Column, len(types))
	for i, t := range types {
		c := &columns[i]
		c.Name = t.Name()
		c.DatabaseType = t.DatabaseTypeName()
		c.ScanType = t.ScanType()
		c.Nullable, c.HasNullable = t.Nullable()
		c.Length, c.HasLength = t.Length()
		c.Precision, c.Scale, c.HasDecimal = t.DecimalSize()
	}
	return columns, nil
}

func appendNames(dst []byte, columns []Column) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(columns)))
	for i := range columns {
		dst = appendText(dst, columns[i].Name)
	}
	return dst
}

// appendTypes encodes all but the names. A scan type without a code is
// written as none and reported; the bytes are good for replay only.
func appendTypes(dst []byte, columns []Column) ([]byte, error) {
	var unsupported error
	for i := range columns {
		c := &columns[i]
		var flags byte
		if c.Nullable {
			flags |= flagNullable
		}
		if c.HasNullable {
			flags |= flagHasNullable
		}
		if c.HasLength {
			flags |= flagHasLength
		}
		if c.HasDecimal {
			flags |= flagHasDecimal
		}
		code, known := scanTypeCodes[c.ScanType]
		if !known && unsupported == nil {
			unsupported = &UnsupportedError{Column: c.Name, Type: c.ScanType}
		}
		dst = append(dst, flags, code)
		dst = appendText(dst, c.DatabaseType)
		if c.HasLength {
			dst = binary.AppendVarint(dst, c.Length)
		}
		if c.HasDecimal {
			dst = binary.AppendVarint(dst, c.Precision)
			dst = binary.AppendVarint(dst, c.Scale)
		}
	}
	return dst, unsupported
}

// parseColumns joins a names section with a types section.
func parseColumns(names, types []byte) ([]Column, error) {
	n, names, ok := cutCount(names)
	if !ok {
		return nil, corrupt("number of columns")
	}
	columns := make([]Column, n)
	for i := range columns {
		c := &columns[i]
		var text []byte
		if text, names, ok = cutText(names); !ok {
			return nil, corrupt("column name")
		}
		c.Name = string(text)
		if text, types, ok = c.cutType(types); !ok {
			return nil, corrupt("column type")
		}
		c.DatabaseType = string(text)
	}
	if len(names) != 0 || len(types) != 0 {
		return nil, corrupt("end of columns")
	}
	return columns, nil
}

// cutType reads all of one column's type but its database type, which it
// returns as it stands in src.
func (c *Column) cutType(src []byte) (databaseType, rest []byte, ok bool) {
	if len(src) < 2 || int(src[1]) >= len(scanTypes) {
		return nil, nil, false
	}
	flags := src[0]
	c.ScanType = scanTypes[src[1]]
	c.Nullable = flags&flagNullable != 0
	c.HasNullable = flags&flagHasNullable != 0
	c.HasLength = flags&flagHasLength != 0
	c.HasDecimal = flags&flagHasDecimal != 0
	if databaseType, rest, ok = cutText(src[2:]); !ok {
		return nil, nil, false
	}
	if c.HasLength {
		if c.Length, rest, ok = cutVarint(rest); !ok {
			return nil, nil, false
		}
	}
	if c.HasDecimal {
		if c.Precision, rest, ok = cutVarint(rest); !ok {
			return nil, nil, false
		}
		if c.Scale, rest, ok = cutVarint(rest); !ok {
			return nil, nil, false
		}
	}
	return databaseType, rest, true
}

// checkTypes walks a types section of n columns.
func checkTypes(types []byte, n int) bool {
	var c Column
	for range n {
		var ok bool
		if _, types, ok = c.cutType(types); !ok {
			return false
		}
	}
	return len(types) == 0
}

// checkNames walks a names section and returns the number of columns.
func checkNames(names []byte) (int, bool) {
	n, names, ok := cutCount(names)
	if !ok {
		return 0, false
	}
	for range n {
		if _, names, ok = cutText(names); !ok {
			return 0, false
		}
	}
	return n, len(names) == 0
}
