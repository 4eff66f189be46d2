package history_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
	"github.com/cachewright/cachewright/policy"
)

// list reads a group and records what it found of the rows.
func (s *scene) list(group int64, rows ...int64) {
	s.Helper()
	s.call("list", func() (map[int64]event, error) {
		var items []Item
		err := s.Where("grp = ?", group).Find(&items).Error
		events, values := map[int64]event{}, s.values(nil, items)
		for _, row := range rows {
			events[row] = event{value: values[row]}
		}
		return events, err
	})
}

// move sets the value and the group of a row.
func (s *scene) move(row, group int64) {
	s.Helper()
	s.call("move", func() (map[int64]event, error) {
		value := s.fresh()
		return s.sets(row, value), s.Model(&Item{ID: row}).Updates(map[string]any{"grp": group, "n": value}).Error
	})
}

func writeARowOfAGroup(t *testing.T) *scene {
	s := newScene(t, testkit.SQLiteDatabase(t), policy.Aside)
	s.list(1, 1)
	s.update(1)
	s.list(1, 1)
	return s
}

// writeARowThatTellsNothing is a statement that commits by itself, which cannot say in time what group its row is of.
func writeARowThatTellsNothing(t *testing.T) *scene {
	s := newScene(t, testkit.SQLiteDatabase(t), policy.Aside)
	s.list(1, 1)
	s.call("update", func() (map[int64]event, error) {
		alone, value := s.Session(&gorm.Session{SkipDefaultTransaction: true}), s.fresh()
		return s.sets(1, value), alone.Model(&Item{ID: 1}).Update("n", value).Error
	})
	s.list(1, 1)
	return s
}

// moveToAnotherGroup takes a row out of the group where it is known to be.
func moveToAnotherGroup(t *testing.T) *scene {
	s := newScene(t, testkit.SQLiteDatabase(t), policy.Aside)
	s.list(1, 1)
	s.first(1)
	s.move(1, 2)
	s.list(2, 1)
	var left []Item
	require.NoError(t, s.Where("grp = ?", 1).Find(&left).Error)
	for _, item := range left { // none, or the row as it was
		s.call("list", func() (map[int64]event, error) { return map[int64]event{item.ID: {value: item.N}}, nil })
	}
	return s
}

// moveOnFromAnotherGroup takes a row out of a group where it came to be after it was cached.
func moveOnFromAnotherGroup(t *testing.T) *scene {
	s := newScene(t, testkit.SQLiteDatabase(t), policy.Aside)
	s.list(1, 1)
	s.first(1)
	s.call("move", func() (map[int64]event, error) {
		return s.sets(1, 4321), s.Exec("UPDATE items SET grp = 2, n = 4321 WHERE id = 1").Error
	})
	s.list(2, 1)
	s.move(1, 3)
	var left []Item
	require.NoError(t, s.Where("grp = ?", 2).Find(&left).Error)
	for _, item := range left {
		s.call("list", func() (map[int64]event, error) { return map[int64]event{item.ID: {value: item.N}}, nil })
	}
	return s
}

// moveByATrigger changes the value of a row, and a trigger its group.
func moveByATrigger(t *testing.T) *scene {
	s := newScene(t, testkit.SQLiteDatabase(t), policy.Aside, cacheplugin.WithTriggerTables(&Item{}))
	require.NoError(t, s.plain.Exec(`CREATE TRIGGER regroup AFTER UPDATE OF n ON items
		BEGIN UPDATE items SET grp = 2 WHERE id = NEW.id; END`).Error)
	s.list(2)
	s.update(1)
	s.list(2, 1)
	return s
}
