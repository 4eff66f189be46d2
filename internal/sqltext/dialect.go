package sqltext

import "strings"

// Dialect is the SQL that a database speaks, as far as reading its text differs.
type Dialect uint8

// The dialects. Other is every database that is none of the three: its reads are never accepted, and its writes are
// named only where all dialects agree.
const (
	Other Dialect = iota
	Postgres
	SQLite
	MySQL
)

// DialectOf returns the dialect that a GORM dialector of this name speaks; a name not known is [Other].
func DialectOf(gormDialectorName string) Dialect {
	switch strings.ToLower(gormDialectorName) {
	case "postgres", "postgresql", "pgx":
		return Postgres
	case "sqlite", "sqlite3":
		return SQLite
	case "mysql", "mariadb":
		return MySQL
	default:
		return Other
	}
}

// String returns the dialect's name in lower case.
func (d Dialect) String() string {
	switch d {
	case Postgres:
		return "postgres"
	case SQLite:
		return "sqlite"
	case MySQL:
		return "mysql"
	default:
		return "other"
	}
}
