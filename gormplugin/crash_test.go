package cacheplugin_test

import (
	"bufio"
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/testkit"
)

// campaign kills process after process and compares the database with what they were told was done.
type campaign struct {
	testing.TB
	database testkit.Database
	raw      *sql.DB
	dir      string
	random   *rand.Rand
	// states are what each row may be: one, or two where a write had no answer.
	states map[int64]map[crashState]bool
	// under are the writes without an answer yet, by worker.
	under map[int]crashOp

	kills, caught, acknowledged int
}

// crashState is a row, or its absence.
type crashState struct {
	exists bool
	n      int64
	name   string
}

type crashOp struct {
	op       byte
	key, arg int64
}

// TestNothingAcknowledgedIsLostOrAppliedTwiceWhenTheProcessIsKilled kills a process that writes with SIGKILL, at random
// moments and, a third of the times, while a COMMIT is under way, and starts it again on its journal. CACHEWRIGHT_KILLS is
// how often (30), CACHEWRIGHT_SEED repeats a run.
func TestNothingAcknowledgedIsLostOrAppliedTwiceWhenTheProcessIsKilled(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it kills processes for some seconds")
	}
	kills := 30
	if text := os.Getenv("CACHEWRIGHT_KILLS"); text != "" {
		var err error
		kills, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		newCampaign(t, testkit.SQLiteDatabase(t)).run(kills/3, nil)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		newCampaign(t, testkit.PostgresDatabase(t)).run(kills-kills/3, nil)
	})
	t.Run("postgres, stopped hard and started again meanwhile", func(t *testing.T) {
		t.Parallel()
		server := testkit.StartPostgres(t)
		c := newCampaign(t, testkit.Database{Name: "postgres", DSN: server.Database(t)})
		c.run(kills/5, func() { server.Restart(t) })
	})
}

func newCampaign(t *testing.T, database testkit.Database) *campaign {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("CACHEWRIGHT_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("CACHEWRIGHT_SEED=%d", seed)
	c := &campaign{
		TB: t, database: database, raw: database.Raw(t), dir: t.TempDir(), random: rand.New(rand.NewPCG(seed, 0)),
		states: map[int64]map[crashState]bool{}, under: map[int]crashOp{},
	}
	require.NoError(t, database.Open(t, nil).AutoMigrate(&crashRow{}))
	_, err := c.raw.ExecContext(t.Context(), "INSERT INTO crash_rows (id, n, name) VALUES (1, 0, 'shared')")
	require.NoError(t, err)
	c.states[crashShared] = map[crashState]bool{{exists: true, name: "shared"}: true}
	for w := range crashWorkers {
		for k := range crashKeys {
			c.states[int64(100*(w+1)+k)] = map[crashState]bool{{}: true}
		}
	}
	return c
}

// run kills so many processes, and after the last looks what is there. restart, if given, restarts the server while
// each of them writes.
func (c *campaign) run(kills int, restart func()) {
	c.Helper()
	for c.kills < kills {
		c.life(restart, false)
	}
	c.life(nil, true)
	c.Logf("%d kills, %d of them with a COMMIT under way; %d writes acknowledged", c.kills, c.caught, c.acknowledged)
	require.NotZero(c, c.acknowledged)
	require.GreaterOrEqual(c, 3*c.caught, c.kills)
}

// life starts a process and kills it. The last one is only asked to recover.
func (c *campaign) life(restart func(), last bool) {
	c.Helper()
	catch := ""
	if !last && c.caught*3 < c.kills+2 {
		catch = []string{"before:", "after:"}[c.random.IntN(2)] + strconv.Itoa(1+c.random.IntN(3))
	}
	command := exec.CommandContext(c.Context(), os.Args[0], "-test.run=^TestCrashChild$", "-test.timeout=2m")
	command.Env = append(os.Environ(), crashOrders+"="+strings.Join([]string{
		c.database.Name, c.database.DSN, c.dir, strconv.FormatUint(c.random.Uint64(), 10), catch,
	}, "\n"))
	var said strings.Builder
	command.Stdout, command.Stderr = &said, &said
	input, err := command.StdinPipe()
	require.NoError(c, err)
	report, write, err := os.Pipe()
	require.NoError(c, err)
	defer report.Close()
	command.ExtraFiles = []*os.File{write}
	require.NoError(c, command.Start())
	require.NoError(c, write.Close())
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		for scan := bufio.NewScanner(report); scan.Scan(); {
			lines <- scan.Text()
		}
	}()
	ready := c.watch(command, input, lines, catch != "", restart, last)
	_ = command.Process.Kill()
	for line := range lines { // what it said before it died counts
		ready = c.hear(line) || ready
	}
	_ = command.Wait()
	c.kills++
	if last {
		require.True(c, ready, "the last process did not recover: %s", said.String())
		return
	}
	for _, op := range c.under {
		c.maybe(op)
	}
	clear(c.under)
}

// watch follows the process until it is time to kill it, and reports whether it was ready.
func (c *campaign) watch(command *exec.Cmd, input io.Writer, lines <-chan string, catch bool, restart func(), last bool) bool {
	c.Helper()
	ready := false
	var over <-chan time.Time
	patience := time.After(time.Minute)
	for {
		select {
		case line, ok := <-lines:
			switch {
			case !ok:
				require.True(c, ready && !last, "a process ended before it was ready")
				return ready
			case line == "caught":
				c.caught++
				return ready
			}
			if !c.hear(line) {
				continue
			}
			ready = true
			c.compare()
			if last {
				return true
			}
			_, err := io.WriteString(input, "go\n")
			require.NoError(c, err)
			if restart != nil {
				restart()
			}
			delay := time.Duration(c.random.IntN(60_000)) * time.Microsecond
			if catch {
				delay = 2 * time.Second // enough for the COMMIT to come
			}
			over = time.After(delay)
		case <-over:
			return ready
		case <-patience:
			require.Fail(c, "a process hangs", "%d", command.Process.Pid)
		}
	}
}

// hear takes note of a line; true is "ready".
func (c *campaign) hear(line string) bool {
	c.Helper()
	words := strings.Fields(line)
	if len(words) < 2 {
		return line == "ready"
	}
	w, err := strconv.Atoi(words[1])
	require.NoError(c, err, line)
	switch words[0] {
	case "start":
		key, err := strconv.ParseInt(words[3], 10, 64)
		require.NoError(c, err, line)
		arg, err := strconv.ParseInt(words[4], 10, 64)
		require.NoError(c, err, line)
		c.under[w] = crashOp{op: words[2][0], key: key, arg: arg}
	case "ok":
		c.acknowledged++
		op := c.under[w]
		after := map[crashState]bool{}
		for s := range c.states[op.key] {
			after[op.on(s)] = true
		}
		c.states[op.key] = after
		delete(c.under, w)
	case "no":
		delete(c.under, w)
	case "error":
		c.maybe(c.under[w])
		delete(c.under, w)
	}
	return false
}

// maybe counts a write of which nobody knows whether it was done.
func (c *campaign) maybe(op crashOp) {
	after := map[crashState]bool{}
	for s := range c.states[op.key] {
		after[s], after[op.on(s)] = true, true
	}
	c.states[op.key] = after
}

// on is the row after the write.
func (o crashOp) on(s crashState) crashState {
	switch {
	case o.op == 'D':
		return crashState{}
	case o.op == 'C' && s.exists:
		return s
	case o.op == 'C':
		return crashState{exists: true, n: o.arg, name: "created"}
	case o.op == 'U' && !s.exists:
		return crashState{exists: true, n: o.arg, name: "upserted"}
	case !s.exists:
		return s
	case o.op == 'O':
		return crashState{exists: true, n: o.arg, name: fmt.Sprint("name ", o.arg)}
	default:
		s.n += o.arg
		return s
	}
}

// compare looks whether each row is what it may be, and takes it for that from now on.
func (c *campaign) compare() {
	c.Helper()
	rows, err := c.raw.QueryContext(c.Context(), "SELECT id, n, name FROM crash_rows")
	require.NoError(c, err)
	defer rows.Close()
	found := map[int64]crashState{}
	for rows.Next() {
		s := crashState{exists: true}
		var id int64
		require.NoError(c, rows.Scan(&id, &s.n, &s.name))
		found[id] = s
	}
	require.NoError(c, rows.Err())
	for key, states := range c.states {
		require.True(c, states[found[key]], "after %d kills row %d is %+v, and may be %+v", c.kills, key, found[key], states)
		c.states[key] = map[crashState]bool{found[key]: true}
		delete(found, key)
	}
	require.Empty(c, found)
	var letters int
	require.NoError(c, c.raw.QueryRowContext(c.Context(), "SELECT count(*) FROM cachewright_dead_letters").Scan(&letters))
	require.Zero(c, letters)
}
