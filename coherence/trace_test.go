package coherence_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/switches"
)

// modelDir has the model of the protocol, and under traces the shortest run that goes wrong without each of its rules.
const modelDir = "../docs/model"

// modelRules are the rules that the model can leave out, by the names of their traces.
var modelRules = map[string]switches.Rule{
	"writer-check": switches.WriterCheck, "stamp-check": switches.StampCheck, "all-word": switches.AllWord,
	"begin-first": switches.BeginFirst, "publish-bump": switches.PublishBump, "unknown-stays": switches.UnknownStays,
	"install-alone": switches.InstallAlone, "install-quiet-table": switches.InstallQuietTable,
	"install-returned": switches.InstallReturned, "stage-never-valid": switches.StageNeverValid,
	"coalesce-stamps": switches.CoalesceStamps, "coalesce-quiet": switches.CoalesceQuiet,
}

// What goes wrong in the model without a rule goes wrong in the engine without it, call by call, and goes well with it.
func TestCounterexamplesOfTheModelHappenInTheEngineWithoutTheRuleOnly(t *testing.T) {
	for name, rule := range modelRules {
		t.Run(name, func(t *testing.T) {
			steps := readTrace(t, filepath.Join(modelDir, "traces", name+".txt"))
			t.Run("without the rule", func(t *testing.T) {
				switches.Disable(t, rule)
				last := len(steps) - 1
				for i, got := range replayTrace(t, steps) {
					require.Equal(t, steps[i].value, got.value, "step %d, %q: what the model says it returns", i+1, steps[i].text)
					require.Equal(t, i == last, got.wrong, "step %d, %q: only the last answer is wrong", i+1, steps[i].text)
				}
			})
			t.Run("with it", func(t *testing.T) {
				answers := replayTrace(t, steps)
				require.NotEmpty(t, answers[len(steps)-1].value, "the last step is an answer")
				for i, got := range answers {
					require.False(t, got.wrong, "step %d, %q: %s", i+1, steps[i].text, got.value)
				}
			})
		})
	}
}

func TestEveryRuleOfTheModelHasATraceThatIsReplayed(t *testing.T) {
	t.Parallel()
	inModel := map[string]bool{}
	sources, err := filepath.Glob(filepath.Join(modelDir, "*.pml"))
	require.NoError(t, err)
	for _, source := range sources {
		text, err := os.ReadFile(source)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`(?m)^#if(?:n?def) NO_(\w+)`).FindAllSubmatch(text, -1) {
			inModel[strings.ReplaceAll(strings.ToLower(string(m[1])), "_", "-")] = true
		}
	}
	traces, err := filepath.Glob(filepath.Join(modelDir, "traces", "*.txt"))
	require.NoError(t, err)
	kept, replayed := map[string]bool{}, map[string]bool{}
	for _, trace := range traces {
		kept[strings.TrimSuffix(filepath.Base(trace), ".txt")] = true
	}
	for name := range modelRules {
		replayed[name] = true
	}
	require.Equal(t, inModel, kept)
	require.Equal(t, inModel, replayed)
}

// traceStep is one line of a trace: who does what, to which row or word, and what it returns. "r1 get r0 = 2" is reader 1,
// which gets the value 2 of row 0; a value is the number of the writer it comes from.
type traceStep struct {
	text, who, verb string
	args            []string
	value           string // "" for a step that returns nothing
}

func readTrace(t testing.TB, path string) []traceStep {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var steps []traceStep
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		call, value, _ := strings.Cut(line, " = ")
		words := strings.Fields(call)
		require.GreaterOrEqual(t, len(words), 2, "%s: %q", path, line)
		steps = append(steps, traceStep{text: line, who: words[0], verb: words[1], args: words[2:], value: value})
	}
	require.NotEmpty(t, steps, path)
	return steps
}

// traceAnswer is what a step returned in the engine, and whether the row has never held it during the call.
type traceAnswer struct {
	value string
	wrong bool
}

// replayTrace takes the steps on an engine of its own and returns the answer of each. A step that the rules in force do not
// allow is taken as they want it.
func replayTrace(t *testing.T, steps []traceStep) []traceAnswer {
	t.Helper()
	answers := make([]traceAnswer, len(steps))
	synctest.Test(t, func(t *testing.T) {
		p := newTracePlayer(t)
		defer p.end()
		for i, s := range steps {
			answers[i] = p.step(s)
			synctest.Wait()
		}
	})
	return answers
}

// step takes one step.
func (p *tracePlayer) step(s traceStep) traceAnswer {
	p.Helper()
	target := ""
	if len(s.args) > 0 {
		target = s.args[0]
	}
	switch kind := s.who[0]; {
	case kind == 'w':
		p.writer(s.who).step(p, s, target)
		return traceAnswer{}
	case kind == 'r':
		return p.reader(s.who).step(p, s, target)
	case s.verb == "changes":
		p.excuse(target)
		p.reveal(target, s.who[1:])
	case s.verb == "invalidates":
		require.NoError(p, p.engine.InvalidateAll(p.Context()))
		clear(p.excused)
	default:
		p.Fatalf("nobody knows how to take the step %q", s.text)
	}
	return traceAnswer{}
}
