package cacheplugin_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
)

// crashRow is what a process that is going to be killed writes.
type crashRow struct {
	_    struct{} `cache:"writeback,flush=3ms,batch=20"`
	ID   int64    `gorm:"autoIncrement:false"`
	N    int64
	Name string
}

const (
	crashWorkers = 4
	crashKeys    = 12 // of each worker
	crashShared  = 1  // the key that all workers increment
)

// crashOrders are what the parent tells a child, in its environment: the dialect, the DSN, the journal's folder, the seed,
// and where COMMIT is to be caught: "", "before:N" or "after:N".
const crashOrders = "CACHEWRIGHT_CRASH_CHILD"

// TestCrashChild is the process that a campaign kills. Run by itself it does nothing. On descriptor 3 it tells what it
// does: "ready" when what is left of earlier processes is in the database, then "start W OP KEY ARG" before each write of worker W,
// and "ok W", "no W" or "error W" after it; "caught" when the COMMIT that was ordered is under way. It goes on until it
// is killed, or its standard input ends.
func TestCrashChild(t *testing.T) { //nolint:paralleltest // it is alone in its process
	orders := strings.Split(os.Getenv(crashOrders), "\n")
	if len(orders) != 5 {
		t.Skip("this is a part of the crash campaign")
	}
	seed, err := strconv.ParseUint(orders[3], 10, 64)
	require.NoError(t, err)
	child := &crashChild{out: os.NewFile(3, "report")}
	database := testkit.Database{Name: orders[0], DSN: orders[1]}
	var probe *testkit.Probe
	child.db, probe = database.OpenCounted(t, &gorm.Config{TranslateError: true})
	child.catch(probe, orders[4])
	cache := cacheplugin.New(cacheplugin.WithJournal(orders[2]))
	require.NoError(t, child.db.Use(cache))
	child.tell("ready")
	input := bufio.NewScanner(os.Stdin)
	if !input.Scan() {
		os.Exit(3)
	}
	for w := range crashWorkers {
		go child.work(w, rand.New(rand.NewPCG(seed, uint64(w))))
	}
	input.Scan() // until the parent has gone
	os.Exit(3)
}

type crashChild struct {
	db  *gorm.DB
	out *os.File
}

// tell writes a line in one call, so that it is whole or not there.
func (c *crashChild) tell(words ...any) {
	if _, err := c.out.WriteString(strings.TrimSuffix(fmt.Sprintln(words...), "\n") + "\n"); err != nil {
		os.Exit(4)
	}
}

// catch tells of a COMMIT that is about to be sent, or of one that has happened and is not answered.
func (c *crashChild) catch(probe *testkit.Probe, where string) {
	at, count, ok := strings.Cut(where, ":")
	if !ok {
		return
	}
	n, err := strconv.Atoi(count)
	if err != nil {
		os.Exit(5)
	}
	left := new(atomic.Int64)
	left.Store(int64(n))
	due := func(call testkit.Call) bool { return call.Kind == testkit.Commit && left.Add(-1) == 0 }
	if at == "before" {
		probe.Before(func(_ context.Context, call testkit.Call) error {
			if due(call) {
				c.tell("caught")
			}
			return nil
		})
		return
	}
	probe.After(func(_ context.Context, call testkit.Call, err error) error {
		if due(call) {
			c.tell("caught")
			select {} // until the process is killed
		}
		return err
	})
}

// work writes rows of its own, and the one that is shared.
func (c *crashChild) work(w int, random *rand.Rand) {
	for i := 0; ; i++ {
		key := int64(100*(w+1) + random.IntN(crashKeys))
		op, arg := "CIIUUOD"[random.IntN(7)], int64(random.IntN(9)+1)
		if random.IntN(4) == 0 {
			key, op = crashShared, 'I'
		}
		c.tell("start", w, string(op), key, arg)
		switch err := c.do(op, key, arg); {
		case err == nil:
			c.tell("ok", w)
		case errors.Is(err, gorm.ErrDuplicatedKey):
			c.tell("no", w)
		default:
			c.tell("error", w)
		}
	}
}

func (c *crashChild) do(op byte, key, arg int64) error {
	db := c.db
	row := &crashRow{ID: key}
	switch op {
	case 'C':
		return db.Create(&crashRow{ID: key, N: arg, Name: "created"}).Error
	case 'I':
		return db.Model(row).Update("n", gorm.Expr("n + ?", arg)).Error
	case 'U':
		return db.Clauses(clause.OnConflict{
			Columns:   []clause.Column{{Name: "id"}},
			DoUpdates: clause.Assignments(map[string]any{"n": gorm.Expr("crash_rows.n + excluded.n")}),
		}).Create(&crashRow{ID: key, N: arg, Name: "upserted"}).Error
	case 'O':
		return db.Model(row).Updates(map[string]any{"name": fmt.Sprint("name ", arg), "n": arg}).Error
	default:
		return db.Delete(row).Error
	}
}
