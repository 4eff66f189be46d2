package pgbackplane_test

import (
	"context"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/backplane/pgbackplane"
	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
)

const short = 300 * time.Millisecond // a lease

func TestAnInstanceThatIsCutOffServesFromTheDatabaseUntilItHasCaughtUp(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p, dsn := newProxy(t, s.DSN)
	one, cut := s.open(t, nil, s.DSN, minute), s.open(t, nil, dsn, short)
	cached(t, cut, func() int64 { return cut.n(t, 1) })
	p.cut()
	require.NoError(t, one.Model(&Item{ID: 1}).Update("n", 5).Error)
	cut.current(t, false)
	for id := int64(1); id <= 3; id++ {
		hits := cut.plugin.Stats().Hits
		n := cut.n(t, id)
		require.Equal(t, id == 1, n == 5)
		require.Equal(t, hits, cut.plugin.Stats().Hits)
	}
	require.NoError(t, one.Model(&Item{ID: 2}).Update("n", 6).Error)
	dropped := cut.plugin.Stats().Engine.Backplane.Dropped
	p.mend()
	cut.current(t, true)
	require.Equal(t, int64(5), cut.n(t, 1))
	require.Equal(t, int64(6), cut.n(t, 2))
	require.Equal(t, dropped, cut.plugin.Stats().Engine.Backplane.Dropped, "it missed nothing, so nothing was dropped")
}

func TestAnInstanceThatSleptTooLongDropsItsCache(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p, dsn := newProxy(t, s.DSN)
	const retention = 500 * time.Millisecond
	one := s.open(t, nil, s.DSN, short, pgbackplane.WithRetention(retention))
	cut := s.open(t, nil, dsn, short, pgbackplane.WithRetention(retention))
	require.NoError(t, one.Model(&Item{ID: 2}).Update("n", 1).Error)
	cached(t, cut, func() int64 { return cut.n(t, 1) })
	p.cut()
	require.NoError(t, one.Model(&Item{ID: 1}).Update("n", 5).Error)
	require.Eventually(t, func() bool {
		var left int64
		require.NoError(t, s.plain.Raw("SELECT count(*) FROM cachewright_outbox").Scan(&left).Error)
		return left == 0
	}, soon, often)
	dropped := cut.plugin.Stats().Engine.Backplane.Dropped
	p.mend()
	cut.current(t, true)
	require.Equal(t, int64(5), cut.n(t, 1))
	require.Equal(t, dropped+1, cut.plugin.Stats().Engine.Backplane.Dropped)
	require.Less(t, one.plugin.Stats().Engine.Backplane.Dropped, uint64(3), "those who were there drop nothing")
}

func TestWhatCommitsLateIsNotTrimmedBeforeItIsSeen(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	const retention = 400 * time.Millisecond
	one := s.open(t, nil, s.DSN, short, pgbackplane.WithRetention(retention))
	other := s.open(t, nil, s.DSN, short, pgbackplane.WithRetention(retention))
	tx := one.Begin()
	require.NoError(t, tx.Model(&Item{ID: 1}).Update("n", 5).Error)
	// Its row is written long before it commits.
	require.NoError(t, tx.Exec("INSERT INTO cachewright_outbox (table_name) VALUES ('items')").Error)
	trimmed := func() (text string) {
		require.NoError(t, s.plain.Raw("SELECT trimmed::text FROM cachewright_outbox_state").Scan(&text).Error)
		return text
	}
	for range 3 {
		require.NoError(t, one.Model(&Item{ID: 2}).Update("n", 1).Error)
		before := trimmed()
		require.Eventually(t, func() bool { return trimmed() != before }, soon, often)
	}
	cached(t, other, func() int64 { return other.n(t, 1) })
	dropped := other.plugin.Stats().Engine.Backplane.Dropped
	require.NoError(t, tx.Commit().Error)
	require.Eventually(t, func() bool { return other.n(t, 1) == 5 }, soon, often)
	require.Equal(t, dropped, other.plugin.Stats().Engine.Backplane.Dropped)
}

func TestAnotherHistoryDropsTheCache(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	one := s.open(t, nil, s.DSN, short)
	cached(t, one, func() int64 { return one.n(t, 1) })
	require.NoError(t, s.plain.Exec("UPDATE items SET n = 5 WHERE id = 1").Error) // as a restore would have it
	require.NoError(t, s.plain.Exec("UPDATE cachewright_outbox_state SET generation = gen_random_uuid()").Error)
	require.Eventually(t, func() bool { return one.n(t, 1) == 5 }, soon, often)

	require.NoError(t, s.plain.Exec("DELETE FROM cachewright_outbox_state").Error)
	one.current(t, false)
	require.NoError(t, s.plain.Exec("INSERT INTO cachewright_outbox_state DEFAULT VALUES").Error)
	one.current(t, true)
}

func TestARestartedServerIsFollowedAgain(t *testing.T) {
	t.Parallel()
	server := testkit.StartPostgres(t)
	s := &shop{Database: testkit.Database{Name: "postgres", DSN: server.Database(t)}}
	s.plain = s.Open(t, nil)
	require.NoError(t, s.plain.AutoMigrate(&Item{}))
	require.NoError(t, s.plain.Create(&Item{ID: 1}).Error)
	one, other := s.open(t, nil, s.DSN, short), s.open(t, nil, s.DSN, short)
	cached(t, other, func() int64 { return other.n(t, 1) })
	server.Stop(t)
	other.current(t, false)
	server.Start(t)
	require.Eventually(t, func() bool { return one.Model(&Item{ID: 1}).Update("n", 5).Error == nil }, soon, often)
	other.current(t, true)
	require.Eventually(t, func() bool { return other.n(t, 1) == 5 }, soon, often)
	cached(t, other, func() int64 { return other.n(t, 1) })
}

func TestARoleWithoutPrivilegesOfItsOwnIsEnough(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.open(t, nil, s.DSN, short) // makes the tables
	u, err := url.Parse(s.DSN)
	require.NoError(t, err)
	role := "app_" + u.Path[len("/cw_"):]
	for _, text := range []string{
		"CREATE ROLE " + role + " LOGIN PASSWORD 'secret'",
		"GRANT SELECT, INSERT, DELETE ON cachewright_outbox TO " + role,
		"GRANT SELECT, UPDATE ON cachewright_outbox_state TO " + role,
		"GRANT SELECT, UPDATE ON items TO " + role,
	} {
		require.NoError(t, s.plain.Exec(text).Error)
	}
	t.Cleanup(func() { require.NoError(t, s.plain.Exec("DROP OWNED BY "+role+"; DROP ROLE "+role).Error) })
	u.User = url.UserPassword(role, "secret")
	s.DSN = u.String()
	one := s.open(t, nil, s.DSN, short)
	require.NoError(t, one.Model(&Item{ID: 1}).Update("n", 5).Error)
	cached(t, one, func() int64 { return one.n(t, 1) })
}

func TestABackplaneOfAnotherDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	s, another := newShop(t), newShop(t)
	another.open(t, nil, another.DSN, short)
	for dsn, want := range map[string]string{
		another.DSN:                      "another outbox",
		"postgres://127.0.0.1:1/nothing": "connecting the backplane",
		"postgres://%zz":                 "reading the address",
		testkit.PostgresDatabase(t).DSN:  "asking the backplane's connection",
	} {
		plugin := cacheplugin.New(cacheplugin.WithBackplane(pgbackplane.New(dsn)))
		require.ErrorContains(t, s.Open(t, nil).Use(plugin), want)
		require.NoError(t, plugin.Close(context.Background()))
	}
	for name, c := range map[string]struct {
		database testkit.Database
		options  []cacheplugin.Option
		want     string
	}{
		"SQLite":        {testkit.SQLiteDatabase(t), []cacheplugin.Option{cacheplugin.WithBackplane(pgbackplane.New(s.DSN))}, "lives in PostgreSQL"},
		"no tables":     {testkit.PostgresDatabase(t), []cacheplugin.Option{cacheplugin.WithBackplane(pgbackplane.New(s.DSN)), cacheplugin.WithoutMigrations()}, "migrations/library/postgres/00003_outbox.sql"},
		"retention":     {s.Database, []cacheplugin.Option{cacheplugin.WithBackplane(pgbackplane.New(s.DSN, pgbackplane.Retention(1)))}, "Retention(1ns)"},
		"a lease alone": {s.Database, []cacheplugin.Option{cacheplugin.WithLease(time.Second)}, "WithLease without WithBackplane"},
		"nil":           {s.Database, []cacheplugin.Option{cacheplugin.WithBackplane(nil)}, "WithBackplane(nil)"},
	} {
		plugin := cacheplugin.New(c.options...)
		require.ErrorContains(t, c.database.Open(t, nil).Use(plugin), c.want, name)
		require.NoError(t, plugin.Close(context.Background()))
	}
}

func TestTwoSchemasHaveTwoOutboxes(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	require.NoError(t, s.plain.Exec("CREATE SCHEMA tenant").Error)
	u, err := url.Parse(s.DSN)
	require.NoError(t, err)
	q := u.Query()
	q.Set("search_path", "tenant")
	u.RawQuery = q.Encode()
	inPublic := s.open(t, nil, s.DSN, minute)
	plugin := cacheplugin.New(cacheplugin.WithBackplane(pgbackplane.New(s.DSN))) // sees public, and the handle tenant
	tenant := testkit.Database{Name: s.Name, DSN: u.String()}
	require.ErrorContains(t, tenant.Open(t, nil).Use(plugin), "another outbox")
	require.NoError(t, plugin.Close(context.Background()))
	named := &shop{Database: tenant}
	one := named.open(t, nil, s.DSN, minute, pgbackplane.Schema("tenant"))
	require.NoError(t, one.Exec("CREATE TABLE items (id bigint PRIMARY KEY, owner bigint, n bigint)").Error)
	require.NoError(t, one.Create(&Item{ID: 1, N: 9}).Error)
	require.Equal(t, int64(9), one.n(t, 1))
	require.Equal(t, int64(0), inPublic.n(t, 1))
	var rows int64
	require.NoError(t, s.plain.Raw("SELECT count(*) FROM public.cachewright_outbox").Scan(&rows).Error)
	require.Zero(t, rows)
}

func TestASnapshotKnowsWhatIsNew(t *testing.T) {
	t.Parallel()
	parse := func(text string) pgbackplane.Snapshot {
		s, err := pgbackplane.ParseSnapshot(text)
		require.NoError(t, err)
		require.Equal(t, text, s.String())
		return s
	}
	s := parse("10:20:10,15")
	for xid, want := range map[uint64]bool{9: true, 10: false, 11: true, 15: false, 19: true, 20: false, 21: false} {
		require.Equal(t, want, s.Sees(xid), xid)
	}
	require.True(t, s.Covers(s))
	require.True(t, s.Covers(parse("1:1:")))
	require.True(t, s.Covers(parse("10:16:10,11,15")))
	require.False(t, s.Covers(parse("11:16:11,15")), "it saw 10")
	require.False(t, s.Covers(parse("10:21:10,15")), "it saw 20")
	for _, text := range []string{"", "1:2", "1:x:", "1:2:x", "1:2:3:4"} {
		_, err := pgbackplane.ParseSnapshot(text)
		require.Error(t, err, text)
	}
}
