package tour

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/schollz/progressbar/v3"
)

// progress shows what a chapter is doing: a line for each claim as it is decided and, on a terminal, a counter of
// requests that moves while they are sent.
type progress struct {
	out io.Writer
	bar *progressbar.ProgressBar // shows nothing where there is no terminal
}

func newProgress(out io.Writer) *progress {
	return &progress{out: out, bar: progressbar.NewOptions64(-1,
		progressbar.OptionSetWriter(out),
		progressbar.OptionSetVisibility(isTerminal(out)),
		progressbar.OptionSetDescription("  requests"),
		progressbar.OptionShowCount(),
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSpinnerType(14),
		progressbar.OptionSetSpinnerChangeInterval(0), // it turns when a request is sent, not by itself
		progressbar.OptionThrottle(50*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)}
}

func (p *progress) begin(pattern string) { fmt.Fprintf(p.out, "\n%s\n", pattern) }

// step is one request more. The bar may be moved by any goroutine.
func (p *progress) step() { _ = p.bar.Add(1) } // a terminal that is gone is no reason to stop

// wait shows that something is being waited for.
func (p *progress) wait() { _ = p.bar.Add(0) }

func (p *progress) claim(c Claim) {
	_ = p.bar.Clear()
	fmt.Fprintf(p.out, "  %s %s: %s\n", mark(c.Held), c.Name, c.Saw)
}

func (p *progress) end() { _ = p.bar.Finish() }

func mark(held bool) string {
	if held {
		return "✓"
	}
	return "✗"
}

func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	return ok && (isatty.IsTerminal(file.Fd()) || isatty.IsCygwinTerminal(file.Fd()))
}
