package pgbackplane_test

import (
	"context"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/cachewright/cachewright/backplane/pgbackplane"
	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
)

// Item is cached by each way of keeping a cache right.
type Item struct {
	_     struct{} `cache:"aside"`
	ID    int64
	Owner int64
	N     int64
}

// Through is an Item cached write-through.
type Through struct {
	_     struct{} `cache:"writethrough"`
	ID    int64
	Owner int64
	N     int64
}

const (
	soon  = 20 * time.Second // for what takes milliseconds on an idle machine
	often = time.Millisecond
)

// shop is a database with items.
type shop struct {
	testkit.Database
	plain *gorm.DB
}

func newShop(tb testing.TB) *shop {
	tb.Helper()
	s := &shop{Database: testkit.PostgresDatabase(tb)}
	s.plain = s.Open(tb, nil)
	require.NoError(tb, s.plain.AutoMigrate(&Item{}, &Through{}))
	for i := range int64(8) {
		require.NoError(tb, s.plain.Create(&Item{ID: i + 1, Owner: i % 2}).Error)
		require.NoError(tb, s.plain.Create(&Through{ID: i + 1, Owner: i % 2}).Error)
	}
	return s
}

// instance is one process of an application: a pool, a cache and a backplane of its own.
type instance struct {
	*gorm.DB
	plugin *cacheplugin.Plugin
	probe  *testkit.Probe
}

// open starts an instance whose backplane reaches the database by the DSN.
func (s *shop) open(tb testing.TB, cfg *gorm.Config, dsn string, lease time.Duration, options ...pgbackplane.Option) *instance {
	tb.Helper()
	i := &instance{}
	i.DB, i.probe = s.OpenCounted(tb, cfg)
	i.plugin = cacheplugin.New(cacheplugin.WithBackplane(pgbackplane.New(dsn, options...)), cacheplugin.WithLease(lease))
	require.NoError(tb, i.Use(i.plugin))
	tb.Cleanup(func() { require.NoError(tb, i.plugin.Close(context.Background())) })
	i.current(tb, true)
	return i
}

// current waits until the instance serves from its cache, or does not.
func (i *instance) current(tb testing.TB, want bool) {
	tb.Helper()
	require.Eventually(tb, func() bool { return i.plugin.Stats().Engine.Backplane.Current == want }, soon, often)
}

// n reads a number.
func (i *instance) n(tb testing.TB, id int64) int64 {
	tb.Helper()
	var item Item
	require.NoError(tb, i.WithContext(tb.Context()).First(&item, id).Error)
	return item.N
}

// cached reads until the answer comes from the cache, and returns it.
func cached[T any](tb testing.TB, i *instance, read func() T) T {
	tb.Helper()
	var answer T
	require.Eventually(tb, func() bool {
		hits := i.plugin.Stats().Hits
		answer = read()
		return i.plugin.Stats().Hits > hits
	}, soon, often)
	return answer
}

// proxy stands before the server and can be cut.
type proxy struct {
	listener net.Listener
	target   string

	mu    sync.Mutex // guards what follows
	whole bool
	conns map[net.Conn]struct{}
	done  sync.WaitGroup
}

// newProxy returns a proxy and the DSN that goes through it.
func newProxy(tb testing.TB, dsn string) (*proxy, string) {
	tb.Helper()
	u, err := url.Parse(dsn)
	require.NoError(tb, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	p := &proxy{listener: l, target: u.Host, whole: true, conns: map[net.Conn]struct{}{}}
	p.done.Go(p.accept)
	tb.Cleanup(func() {
		p.cut()
		require.NoError(tb, l.Close())
		p.done.Wait()
	})
	u.Host = l.Addr().String()
	return p, u.String()
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.done.Go(func() { p.serve(client) })
	}
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer server.Close()
	p.mu.Lock()
	if !p.whole {
		p.mu.Unlock()
		return
	}
	p.conns[client], p.conns[server] = struct{}{}, struct{}{}
	p.mu.Unlock()
	var both sync.WaitGroup
	pipe := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		_, _ = to.Close(), from.Close()
	}
	both.Go(func() { pipe(server, client) })
	both.Go(func() { pipe(client, server) })
	both.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, client)
	delete(p.conns, server)
}

// cut breaks all connections and lets none through.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.whole = false
	for c := range p.conns {
		_ = c.Close()
	}
}

func (p *proxy) mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.whole = true
}
