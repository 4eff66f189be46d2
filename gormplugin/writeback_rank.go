package cacheplugin

import (
	"context"
	"fmt"

	"github.com/cachewright/cachewright/internal/sqltext"
)

// readRank puts a table after those its rows refer to, as the database's foreign keys tell: the length of the longest way
// to a table that refers to none.
func readRank(ctx context.Context, p *Plugin, table string) (int, error) {
	query := `SELECT child.relname, parent.relname FROM pg_catalog.pg_constraint f
		JOIN pg_catalog.pg_class child ON child.oid = f.conrelid JOIN pg_catalog.pg_class parent ON parent.oid = f.confrelid
		WHERE f.contype = 'f'`
	if p.dialect == sqltext.SQLite {
		query = `SELECT m.name, f."table" FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table'`
	}
	rows, err := p.root.QueryContext(ctx, query)
	if err != nil {
		return 0, fmt.Errorf("cacheplugin: reading foreign keys: %w", err)
	}
	defer func() { _ = rows.Close() }() // read to the end below
	parents := map[string][]string{}
	for rows.Next() {
		var child, parent string
		if err := rows.Scan(&child, &parent); err != nil {
			return 0, fmt.Errorf("cacheplugin: reading foreign keys: %w", err)
		}
		child, parent = sqltext.Name{Table: child}.Folded(), sqltext.Name{Table: parent}.Folded()
		parents[child] = append(parents[child], parent)
	}
	return rankIn(parents, table), rows.Err()
}

// rankIn raises the ranks of all tables over their parents' until none changes; a circle goes round as often as there are
// tables.
func rankIn(parents map[string][]string, table string) int {
	ranks := make(map[string]int, len(parents))
	for range parents {
		moved := false
		for child, all := range parents {
			for _, parent := range all {
				if parent != child && ranks[child] <= ranks[parent] {
					ranks[child], moved = ranks[parent]+1, true
				}
			}
		}
		if !moved {
			break
		}
	}
	return ranks[table]
}
