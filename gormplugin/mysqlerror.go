package cacheplugin

import (
	"errors"
	"reflect"
)

// mysqlError is an error that a MySQL server sent.
type mysqlError struct {
	number uint16
	state  string // five characters, HY000 where the error has no class of its own
}

// mysqlErrorOf finds such an error by its shape, which is that of go-sql-driver's MySQLError: no driver is imported for it.
func mysqlErrorOf(err error) (mysqlError, bool) {
	for ; err != nil; err = errors.Unwrap(err) {
		if many, ok := err.(interface{ Unwrap() []error }); ok {
			for _, one := range many.Unwrap() {
				if e, ok := mysqlErrorOf(one); ok {
					return e, true
				}
			}
			return mysqlError{}, false
		}
		v := reflect.ValueOf(err)
		if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct || v.Elem().Type().Name() != "MySQLError" {
			continue
		}
		number, state := v.Elem().FieldByName("Number"), v.Elem().FieldByName("SQLState")
		if !number.IsValid() || number.Kind() != reflect.Uint16 {
			continue
		}
		e := mysqlError{number: uint16(number.Uint()), state: "HY000"}
		if state.IsValid() && state.Kind() == reflect.Array && state.Type().Elem().Kind() == reflect.Uint8 && !state.IsZero() {
			text := make([]byte, state.Len())
			for i := range text {
				text[i] = byte(state.Index(i).Uint())
			}
			e.state = string(text)
		}
		return e, true
	}
	return mysqlError{}, false
}

// undid reports that the server has said that the statement, or the transaction a COMMIT was to end, did not happen.
// Errors of the connection, of a shutdown and of the commit itself say nothing of the kind.
func (e mysqlError) undid() bool {
	switch e.state[:2] {
	case "21", "22", "23", "25", "40", "42", "44", "45":
		return true
	}
	switch e.number {
	case 1205, // lock wait timeout
		1213, 1614, // deadlock
		1265, 1292, 1364, 1366, 1406, // values that do not fit
		1290, 1792, 1836, // read only
		1442, 1644, // triggers
		3819, 4025: // CHECK
		return true
	}
	return false
}

// spared reports that the transaction which the statement was in surely goes on: the statement alone was undone.
func (e mysqlError) spared() bool {
	return e.undid() && e.state[:2] != "40" && e.number != 1205 && e.number != 1614
}

// forbidden reports that the user may not do what the statement asks.
func (e mysqlError) forbidden() bool {
	switch e.number {
	case 1044, 1142, 1143, 1227, 1290, 1370:
		return true
	}
	return false
}
