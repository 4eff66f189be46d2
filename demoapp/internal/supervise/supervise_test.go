package supervise_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/demoapp/internal/supervise"
	"github.com/cachewright/cachewright/internal/testkit"
)

const childEnv = "SUPERVISE_TEST_CHILD"

// TestMain is also the child: what it serves is its number, and what it is told goes to a file.
func TestMain(m *testing.M) {
	switch how := os.Getenv(childEnv); {
	case how == "":
		testkit.Main(m)
	case how == "broken":
		fmt.Fprintln(os.Stderr, "no database")
		os.Exit(3)
	default:
		_ = supervise.Greet(os.Stdout, fmt.Sprintf("http://child-%d", os.Getpid()))
		supervise.Listen(os.Stdin, func(c supervise.Command) {
			_ = os.WriteFile(how, []byte(time.Duration(c.PauseMS*int64(time.Millisecond)).String()), 0o600)
		})
		os.Exit(0)
	}
}

func start(tb testing.TB, how string) (*supervise.Supervisor, error) {
	tb.Helper()
	return supervise.Start(tb.Context(), supervise.Config{
		Path: os.Args[0], Args: func() []string { return nil }, Env: []string{childEnv + "=" + how}, Stderr: tb.Output(),
	})
}

func TestAChildThatIsKilledIsStartedAgain(t *testing.T) {
	t.Parallel()
	s, err := start(t, t.TempDir()+"/told")
	require.NoError(t, err)
	first := s.URL()
	require.True(t, strings.HasPrefix(first, "http://child-"))
	require.NoError(t, s.Kill(t.Context()))
	second := s.URL()
	require.NotEqual(t, first, second)
	starts, crashes := s.Starts()
	require.Equal(t, []int{2, 1}, []int{starts, crashes})

	require.NoError(t, s.Restart(t.Context()))
	require.NotEqual(t, second, s.URL())
	starts, crashes = s.Starts()
	require.Equal(t, []int{3, 1}, []int{starts, crashes}, "an end in order is no crash")
	require.NoError(t, s.Stop(t.Context()))
	require.Empty(t, s.URL())
	require.Error(t, s.Kill(t.Context()))
	require.Error(t, s.Tell(supervise.Command{PauseMS: 1}))
	require.NoError(t, s.Stop(t.Context()), "again")
}

func TestAChildHearsWhatItIsTold(t *testing.T) {
	t.Parallel()
	told := t.TempDir() + "/told"
	s, err := start(t, told)
	require.NoError(t, err)
	require.NoError(t, s.Tell(supervise.Command{PauseMS: 1500}))
	require.NoError(t, s.Stop(t.Context()))
	text, err := os.ReadFile(told)
	require.NoError(t, err)
	require.Equal(t, "1.5s", string(text))
}

func TestAChildThatCannotStartIsAnError(t *testing.T) {
	t.Parallel()
	_, err := start(t, "broken")
	require.ErrorContains(t, err, "it ended before it served: exit status 3")
}
