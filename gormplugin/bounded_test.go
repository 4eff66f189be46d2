package cacheplugin_test

import (
	"context"
	"fmt"
	"reflect"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
	"github.com/cachewright/cachewright/policy"
)

func TestDistinctKeysAndStatementsTakeNoMoreMemoryThanTheFirst(t *testing.T) { //nolint:paralleltest // all that is alive is counted
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	const (
		calls = 64_000 / oneTrialIn
		room  = 4 << 20 // bytes alive that may come after the first half, when every table and queue has its size
	)
	c := openCached(t, testkit.SQLiteDatabase(t), setup{
		name: "bounded", model: reflect.TypeFor[Ware](),
		options: []cacheplugin.Option{cacheplugin.WithDefaultPolicy(policy.Policy{Strategy: policy.WriteThrough}), cacheplugin.WithMemory(8 << 20)},
	})
	alive := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	var early int64
	for i := range int64(calls) {
		id := 1000 + i
		c.probe.Reset() // it remembers what was sent
		ctx, _ := c.plugin.Engine().Collect(context.Background())
		db := c.WithContext(ctx)
		switch i % 8 {
		case 0:
			require.NoError(t, db.Create(&Ware{ID: id, Price: id}).Error)
			require.NoError(t, db.Model(&Ware{ID: id}).Update("price", 1).Error)
			require.NoError(t, db.Delete(&Ware{ID: id}).Error)
		case 1: // another text each time
			require.NoError(t, db.Where(fmt.Sprintf("price > %d", id)).Find(&[]Ware{}).Error)
		case 2: // another key each time
			require.NoError(t, db.Where("price > ?", id).Find(&[]Ware{}).Error)
		case 3:
			require.NoError(t, db.Exec(fmt.Sprintf("UPDATE wares SET price = 0 WHERE id = %d", id)).Error)
		case 4:
			require.NoError(t, db.Order("id").Find(&[]Ware{}, []int64{1, id, id + 1}).Error)
		default:
			require.ErrorIs(t, db.Take(&Ware{}, id).Error, gorm.ErrRecordNotFound)
		}
		if i == calls/2 {
			early = alive()
		}
	}
	late := alive()
	t.Logf("alive after %d calls: %d bytes, after %d: %d", calls/2, early, calls, late)
	require.LessOrEqual(t, late-early, int64(room))
}
