// Package shop is the demo's domain: what is sold, what was bought, and what is counted. It is plain GORM; the tags of
// the models are all it knows of the cache.
//
// The models show where each strategy belongs:
//
//   - [Category], [Product] (aside): read by everybody, changed now and then; the database is written, the entry leaves
//     the cache with the commit, and the next reader fills it.
//   - [Order], [OrderItem] (writethrough): read by their customer right after each change; the commit leaves the new row
//     in the cache. They are critical: nobody makes them write-back by accident.
//   - [PageView], [SensorMetric] (writeback): counted far more often than read; memory takes the increments, and one
//     statement brings their sum to the database once a second.
//   - [Customer] (no tag): not cached. Pages made from it know of its changes all the same.
package shop

import (
	"errors"
	"fmt"

	"gorm.io/gorm"
)

// What a caller can do about: test for them with errors.Is.
var (
	// ErrNotFound says that there is no such thing, or none that the caller may see.
	ErrNotFound = errors.New("not found")
	// ErrConflict says that a thing is not in the state the change needs.
	ErrConflict = errors.New("conflict")
)

// Shop answers for all of it. Its methods may be called by any goroutine.
type Shop struct {
	db *gorm.DB
}

// New returns the shop in a database that has been migrated.
func New(db *gorm.DB) *Shop { return &Shop{db: db} }

// Models are the models with a tag, for the cache to check when it starts.
func Models() []any {
	return []any{&Category{}, &Product{}, &Order{}, &OrderItem{}, &PageView{}, &SensorMetric{}}
}

// Model is the model of a table with a tag, nil if there is none.
func Model(table string) any {
	return map[string]any{
		"categories": &Category{}, "products": &Product{}, "orders": &Order{}, "order_items": &OrderItem{},
		"page_views": &PageView{}, "sensor_metrics": &SensorMetric{},
	}[table]
}

// Span is a part of a list in the order of its ids.
type Span struct {
	After int64 // the id before the first one
	Limit int   // how many; at least 1
}

// page cuts a query to a span. One row more than asked for is read, which tells whether there is a next page.
func (s Span) page(db *gorm.DB) *gorm.DB {
	return db.Where("id > ?", s.After).Order("id").Limit(s.Limit + 1)
}

// cut returns the span's rows, and whether there are more.
func cut[T any](rows []T, s Span) ([]T, bool) {
	if len(rows) > s.Limit {
		return rows[:s.Limit], true
	}
	return rows, false
}

// failed wraps an error of GORM with what was tried, and says ErrNotFound where that is what it means.
func failed(doing string, err error) error {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = ErrNotFound
	}
	return fmt.Errorf("%s: %w", doing, err)
}
