package writeback_test

import (
	"context"
	"fmt"

	"github.com/cachewright/cachewright/internal/writeback"
)

func ExampleTable_Apply() {
	buffer := writeback.New(stored{}, writeback.Options{})
	views, _ := buffer.Table(writeback.TableConfig{Name: "page_views", Columns: []writeback.Column{
		{Name: "path", NotNull: true},
		{Name: "hits", Integer: true},
	}})
	ctx := context.Background()
	defer buffer.Close(ctx)
	visit := writeback.Change{Key: "/", Op: writeback.Update, Add: []writeback.Delta{{Column: 1, N: 1}}}
	_, err := views.Apply(ctx, visit, nil)
	fmt.Println(err)
	for range 3 {
		_, _ = views.Apply(ctx, visit, &writeback.Base{Values: []any{"/", int64(39)}, Exists: true})
	}
	row, pending := views.Get("/")
	fmt.Println(row.Values, pending)
	// Output:
	// writeback: the row as the database has it is needed
	// [/ 42] true
}

// stored is a database that takes everything.
type stored struct{}

func (stored) Write(context.Context, writeback.Batch) error { return nil }

func (stored) Dead(context.Context, *writeback.FlushError, func()) error { return nil }
