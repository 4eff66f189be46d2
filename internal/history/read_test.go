package history_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"

	"gorm.io/gorm"
)

// readKind is one way to read. It returns the values of the rows it is about, 0 for those that are not there.
type readKind struct {
	name string
	read func(c *client, db *gorm.DB) (map[int64]int64, error)
}

// byKey makes a kind of a read of one row.
func byKey(name string, read func(db *gorm.DB, row int64, item *Item) error) readKind {
	return readKind{name, func(c *client, db *gorm.DB) (map[int64]int64, error) {
		row := c.row()
		var item Item
		err := read(db, row, &item)
		if errors.Is(err, gorm.ErrRecordNotFound) {
			err = nil
		}
		return map[int64]int64{row: item.N}, err
	}}
}

// page makes a kind of a GET.
func page(name string, target func(c *client) (path string, rows []int64)) readKind {
	return readKind{name, func(c *client, _ *gorm.DB) (map[int64]int64, error) {
		path, rows := target(c)
		return c.get(path, rows, strconv.Itoa(c.id%3))
	}}
}

type userKey struct{}

// userOf is what authentication has put into the context.
func userOf(r *http.Request) string {
	user, _ := r.Context().Value(userKey{}).(string)
	return user
}

// get reads a page as the user, and the values on it. Fields are names and values, in turns.
func (w *world) get(path string, rows []int64, user string, fields ...string) (map[int64]int64, error) {
	ctx := context.WithValue(context.Background(), userKey{}, user)
	request := httptest.NewRequest(http.MethodGet, path, http.NoBody).WithContext(ctx)
	for i := 0; i+1 < len(fields); i += 2 {
		request.Header.Set(fields[i], fields[i+1])
	}
	recorder := httptest.NewRecorder()
	w.pages.ServeHTTP(recorder, request)
	values := w.values(rows, nil)
	switch recorder.Code {
	case http.StatusNotFound:
		return values, nil
	case http.StatusOK:
	default:
		return nil, fmt.Errorf("status %d: %s", recorder.Code, recorder.Body)
	}
	for lines := bufio.NewScanner(recorder.Body); lines.Scan(); {
		var row, n int64
		if _, err := fmt.Sscan(lines.Text(), &row, &n); err != nil {
			return nil, err
		}
		values[row] = n
	}
	return values, nil
}

var readKinds = []readKind{
	byKey("First by key", func(db *gorm.DB, row int64, item *Item) error { return db.First(item, row).Error }),
	byKey("First by key", func(db *gorm.DB, row int64, item *Item) error { return db.First(item, row).Error }),
	byKey("Take by condition on the key", func(db *gorm.DB, row int64, item *Item) error {
		return db.Where("id = ?", row).Take(item).Error
	}),
	byKey("Find by struct", func(db *gorm.DB, row int64, item *Item) error { return db.Where(&Item{ID: row}).Find(item).Error }),
	byKey("First with the key in it", func(db *gorm.DB, row int64, item *Item) error {
		item.ID = row
		return db.First(item).Error
	}),
	byKey("query of one column", func(db *gorm.DB, row int64, item *Item) error {
		return db.Select("n").Where("id = ?", row).Take(item).Error
	}),
	byKey("Pluck", func(db *gorm.DB, row int64, item *Item) error {
		var n []int64
		err := db.Model(&Item{}).Where("id = ?", row).Pluck("n", &n).Error
		if len(n) == 1 {
			item.N = n[0]
		}
		return err
	}),
	byKey("sum", func(db *gorm.DB, row int64, item *Item) error {
		return db.Model(&Item{}).Select("coalesce(sum(n), 0) AS n").Where("id = ?", row).Find(item).Error
	}),
	byKey("raw", func(db *gorm.DB, row int64, item *Item) error {
		return db.Raw("SELECT * FROM items WHERE id = ?", row).Scan(item).Error
	}),
	{"list of all", func(c *client, db *gorm.DB) (map[int64]int64, error) {
		var items []Item
		err := db.Order("id").Find(&items).Error
		return c.values(c.keys, items), err
	}},
	{"list of a group", func(c *client, db *gorm.DB) (map[int64]int64, error) {
		var items []Item
		g := c.random.Int64N(2)
		err := db.Where("grp = ?", g).Order("n").Find(&items).Error
		return c.values(c.group(g), items), err
	}},
	{"list of several keys", func(c *client, db *gorm.DB) (map[int64]int64, error) {
		var items []Item
		rows := c.rows()
		err := db.Find(&items, rows).Error
		return c.values(rows, items), err
	}},
	page("page of a row", func(c *client) (string, []int64) {
		row := c.row()
		return fmt.Sprint("/items/", row), []int64{row}
	}),
	page("page of a row", func(c *client) (string, []int64) {
		row := c.row()
		return fmt.Sprint("/items/", row), []int64{row}
	}),
	page("page of a row for one user", func(c *client) (string, []int64) {
		row := c.row()
		return fmt.Sprint("/own/", row), []int64{row}
	}),
	page("page of the list", func(c *client) (string, []int64) { return "/items", c.keys }),
}

// read reads outside any transaction and records what was found.
func (c *client) read(kind readKind) {
	from := c.now()
	values, err := kind.read(c, c.DB)
	if err != nil {
		c.fail(kind.name, err)
		return
	}
	c.note(c.id, from, kind.name, observed(values))
}

// observed are the events of values found.
func observed(values map[int64]int64) map[int64][]event {
	events := make(map[int64][]event, len(values))
	for row, value := range values {
		events[row] = []event{{deed: found, value: value}}
	}
	return events
}
