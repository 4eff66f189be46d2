package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/demoapp/internal/apptest"
)

// screenshots is where the pictures of the README go when this is set; else they are not kept.
const screenshots = "CACHEWRIGHT_SCREENSHOTS"

// needBrowser is "need" where a missing browser is a failure, for tests may install what they need, and "skip" to do without one.
const needBrowser = "CACHEWRIGHT_BROWSER"

// findBrowser is the browser's program.
func findBrowser(tb testing.TB) string {
	tb.Helper()
	if os.Getenv(needBrowser) == "skip" {
		tb.Skip(needBrowser + "=skip: the pages are not looked at")
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome-headless-shell"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv(needBrowser) == "need" {
		tb.Fatal("there is no browser: install chromium")
	}
	tb.Skip("there is no browser, so the pages are not looked at: install chromium (make test does)")
	return ""
}

// window is a window of a headless browser, with what its console said.
type window struct {
	ctx context.Context

	mu     sync.Mutex // guards errors
	errors []string
}

// openWindow starts a browser of its own for the test.
func openWindow(tb testing.TB) *window {
	tb.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(findBrowser(tb)), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(tb.TempDir()),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.WSURLReadTimeout(2*time.Minute))
	allocator, endAllocator := chromedp.NewExecAllocator(context.WithoutCancel(tb.Context()), options...)
	ctx, end := chromedp.NewContext(allocator)
	t := &window{ctx: ctx}
	tb.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // ends the browser and waits for it
		end()
		endAllocator()
	})
	require.NoError(tb, chromedp.Listen(ctx, func(event any) {
		t.mu.Lock()
		defer t.mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			t.errors = append(t.errors, e.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			if e.Type == "error" || e.Type == "warning" {
				t.errors = append(t.errors, fmt.Sprint(e.Type))
			}
		case *log.EventEntryAdded:
			if e.Entry.Level == log.EntryLevelError {
				t.errors = append(t.errors, e.Entry.Text+" "+e.Entry.URL)
			}
		}
	}))
	return t
}

// do runs actions; a page that does not get there in two minutes is a failure.
func (t *window) do(tb testing.TB, actions ...chromedp.Action[chromedp.Void]) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, 2*time.Minute)
	defer cancel()
	require.NoError(tb, chromedp.Do(ctx, actions...))
}

// open goes to a page, in a window of a width.
func (t *window) open(tb testing.TB, url string, width int64) {
	tb.Helper()
	t.do(tb, chromedp.EmulateViewport(width, 1000), command(log.Enable, cdp.Empty{}), chromedp.Navigate(url),
		chromedp.WaitReady(chromedp.CSS("body")))
}

// eval returns what an expression gives.
func eval[T any](tb testing.TB, t *window, expression string) T {
	tb.Helper()
	return value(tb, t, chromedp.Evaluate[T](expression))
}

// value is what an action gives.
func value[T any](tb testing.TB, t *window, action chromedp.Action[T]) T {
	tb.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, 2*time.Minute)
	defer cancel()
	v, err := chromedp.Run(ctx, action)
	require.NoError(tb, err)
	return v
}

// command sends one command of the protocol.
func command[P, R any](c cdp.Command[P, R], parameters P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, parameters)
		return err
	})
}

// colors makes the page light or dark.
func colors(scheme string) chromedp.Action[chromedp.Void] {
	return command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
}

// until waits for an expression to be true.
func (t *window) until(tb testing.TB, expression string) {
	tb.Helper()
	value(tb, t, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(100*time.Millisecond), chromedp.WithPollingTimeout(100*time.Second)))
}

func (t *window) requireQuiet(tb testing.TB) {
	tb.Helper()
	t.mu.Lock()
	defer t.mu.Unlock()
	require.Empty(tb, t.errors, "the console has no errors")
}

// serveDemo runs the demo with its dashboard until the test ends, and returns its URL.
func serveDemo(tb testing.TB, args ...string) string {
	tb.Helper()
	reader, writer := io.Pipe()
	ctx, interrupt := context.WithCancel(context.WithoutCancel(tb.Context()))
	p := program{getenv: func(string) string { return "" }, stdin: strings.NewReader(""), stdout: writer, stderr: tb.Output()}
	ended := make(chan int, 1)
	go func() {
		ended <- p.run(ctx, append([]string{"-addr", "127.0.0.1:0"}, args...))
		_ = writer.Close()
	}()
	url := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(reader)
		for lines.Scan() {
			if _, after, found := strings.Cut(lines.Text(), " on http://"); found {
				url <- "http://" + strings.TrimSuffix(after, " until interrupted")
			}
		}
		close(url)
	}()
	at, ok := <-url
	require.True(tb, ok, "the demo serves")
	tb.Cleanup(func() {
		interrupt()
		require.Equal(tb, exitOK, <-ended)
	})
	return at
}

// TestTheDashboardInABrowser does on one demo what a visitor would do, in turn.
func TestTheDashboardInABrowser(t *testing.T) {
	t.Parallel()
	findBrowser(t)
	url := serveDemo(t, "-rate", "40", "-dsn", apptest.SQLite(t), "-journal", t.TempDir())
	tab := openWindow(t)
	tab.open(t, url, 1280)
	for _, step := range []struct {
		name string
		run  func(*testing.T, *window, string)
	}{
		{"charts move under load, and the textbook cache is seen stale", chartsMove},
		{"the database pauses, and goes on", databasePauses},
		{"a crash is survived by what the journal has", crashIsSurvived},
		{"a policy is changed", policyIsChanged},
		{"the load stops", loadStops},
		{"the pages are accessible, light and dark", pagesAreAccessible},
		{"a telephone shows all of it", telephoneShowsAll},
		{"the pages of the shop have their strips", shopHasStrips},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.run(t, tab, url) }) {
			return // the next step begins where this one should have ended
		}
	}
}

// press presses a button by its text and waits for what is said then.
func press(tb testing.TB, t *window, text, says string) string {
	tb.Helper()
	t.do(tb, chromedp.Click(fmt.Sprintf(`//button[normalize-space()=%q]`, text)))
	t.until(tb, fmt.Sprintf(`document.getElementById("message").textContent.includes(%q)`, says))
	return eval[string](tb, t, `document.getElementById("message").textContent`)
}

const lineOf = `document.querySelector("#chart-%s polyline").getAttribute("points")`

func chartsMove(t *testing.T, tab *window, _ string) {
	press(t, tab, "hot-key load", "The load is hot-key.")
	for _, chart := range []string{"statements", "calls", "latency"} {
		tab.until(t, fmt.Sprintf(lineOf+`.split(" ").length > 3`, chart))
		before := eval[string](t, tab, fmt.Sprintf(lineOf, chart))
		tab.until(t, fmt.Sprintf(lineOf+` !== %q`, chart, before))
	}
	tab.until(t, `document.querySelector("tr[data-table=products]") !== null`)
	stale := `Number([...document.querySelectorAll(".tile")].find((t) => t.textContent.includes(%q)).querySelector(".value").textContent)`
	tab.until(t, fmt.Sprintf(stale, "Stale answers, textbook")+` > 0`)
	require.Zero(t, eval[int](t, tab, fmt.Sprintf(stale, "Stale answers, Cachewright")))
	tab.requireQuiet(t)
}

func databasePauses(t *testing.T, tab *window, _ string) {
	press(t, tab, "write-heavy load", "The load is write-heavy.")
	press(t, tab, "pause the database for 5 s", "no statement for 5 seconds")
	now := `document.querySelector("#chart-statements .legend b").textContent`
	tab.until(t, now+` === "0"`) // under load: no statement gets through
	tab.until(t, now+` !== "0"`)
}

func crashIsSurvived(t *testing.T, tab *window, _ string) {
	said := press(t, tab, "crash and restart", "Killed and back")
	require.Contains(t, said, "200 of 200 came back, 0 lost. Page views")
	tab.until(t, `document.getElementById("state").textContent.includes("started 2 times, 1 of them after a crash")`)
}

func policyIsChanged(t *testing.T, tab *window, _ string) {
	tab.do(t, chromedp.SetValue(chromedp.CSS(`select[name=policy]`), "writethrough"))
	press(t, tab, "restart with it", "started again with products as writethrough")
	tab.until(t, `document.querySelector("tr[data-table=products]")?.textContent.includes("writethrough")`)
	tab.until(t, `document.getElementById("runs").textContent.includes("products as aside")`)
	require.Contains(t, eval[string](t, tab, `document.getElementById("state").textContent`), "started 3 times, 1 of them")
}

func loadStops(t *testing.T, tab *window, _ string) {
	tab.until(t, `document.querySelectorAll("#models tr").length > 5`)
	if os.Getenv(screenshots) != "" { // the charts of a minute, for the picture
		tab.until(t, fmt.Sprintf(lineOf+`.split(" ").length > 70`, "statements"))
	}
	picture(t, tab, "dashboard")
	press(t, tab, "stop load", "The load has stopped.")
	tab.until(t, `document.getElementById("mix").textContent === "none"`)
}

// accessibility finds what is wrong with a page: names, structure, sizes and contrast (WCAG 2.1 AA: 4.5 for text, 3 for large).
const accessibility = `(() => {
  const wrong = [];
  const say = (element, what) => wrong.push(what + ": " + element.outerHTML.slice(0, 120));
  if (!document.documentElement.lang) wrong.push("no language");
  if (!document.title) wrong.push("no title");
  if (document.querySelectorAll("h1").length !== 1) wrong.push("not one h1");
  if (document.querySelectorAll("main").length !== 1) wrong.push("not one main");
  let level = 0;
  for (const h of document.querySelectorAll("h1,h2,h3,h4")) {
    const n = Number(h.tagName[1]);
    if (n > level + 1) say(h, "a level of headings is left out");
    level = n;
  }
  for (const e of document.querySelectorAll("button,a[href]")) if (!e.textContent.trim()) say(e, "no name");
  for (const e of document.querySelectorAll("input,select")) if (!e.labels || !e.labels.length) say(e, "no label");
  for (const e of document.querySelectorAll("svg")) if (e.getAttribute("role") !== "img" || !e.getAttribute("aria-label")) say(e, "a drawing without a text");
  for (const e of document.querySelectorAll("th")) if (!e.scope) say(e, "a heading of nothing");
  for (const e of document.querySelectorAll("button,select,input")) if (e.getBoundingClientRect().height < 40) say(e, "too small to touch");
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) wrong.push("twice: " + id);
  const rgb = (text) => text.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = rgb(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] === 1) return c;
    }
    return rgb(getComputedStyle(document.documentElement).colorScheme.includes("x") ? "0" : "255 255 255");
  };
  for (const e of document.querySelectorAll("body *")) {
    const text = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    const box = e.getBoundingClientRect();
    if (!text || !box.width || ["SCRIPT", "STYLE", "OPTION"].includes(e.tagName)) continue;
    const style = getComputedStyle(e);
    const a = light(rgb(e.closest("svg") ? style.fill : style.color)), b = light(behind(e));
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5)) say(e, "contrast " + contrast.toFixed(2));
  }
  return wrong;
})()`

func pagesAreAccessible(t *testing.T, tab *window, url string) {
	for _, scheme := range []string{"light", "dark"} {
		tab.do(t, colors(scheme))
		for _, path := range []string{"/", "/shop/products/1", "/shop/sign-in"} {
			tab.open(t, url+path, 1280)
			require.Empty(t, eval[[]string](t, tab, accessibility), "%s, %s", path, scheme)
		}
	}
	// The keyboard comes to all there is to do, in the order of the page, beginning with the way past it.
	tab.open(t, url, 1280)
	var order []string
	for range 40 {
		tab.do(t, chromedp.KeyEvent("\t"))
		at := eval[string](t, tab, `document.activeElement === document.body ? "" : document.activeElement.textContent.trim().slice(0, 30)`)
		if at == "" || len(order) > 0 && at == order[0] {
			break
		}
		require.Equal(t, "solid", eval[string](t, tab, `getComputedStyle(document.activeElement).outlineStyle`), "one sees where one is: %s", at)
		order = append(order, at)
	}
	require.Equal(t, "Skip to the figures", order[0])
	text := strings.Join(order, "|")
	last := -1
	for _, want := range []string{"Product page", "read-heavy load", "stop load", "restart with it", "pause the database", "crash and restart"} {
		at := strings.Index(text, want)
		require.Greater(t, at, last, "%s in %s", want, text)
		last = at
	}
}

func telephoneShowsAll(t *testing.T, tab *window, url string) {
	for _, path := range []string{"/", "/shop/products/1", "/shop/sign-in"} {
		tab.open(t, url+path, 375)
		require.LessOrEqual(t, eval[int](t, tab, `document.documentElement.scrollWidth`), 375, "%s is not wider than the window", path)
	}
}

func shopHasStrips(t *testing.T, tab *window, url string) {
	tab.open(t, url+"/shop/products/7", 1280)
	tab.until(t, `document.getElementById("strip-rows").textContent.includes("products 7")`)
	require.Contains(t, eval[string](t, tab, `document.getElementById("strip-status").textContent`), "miss")
	tab.open(t, url+"/shop/products/7", 1280)
	tab.until(t, `document.getElementById("strip-status").textContent.includes("hit")`)
	require.Contains(t, eval[string](t, tab, `document.getElementById("strip-cache").textContent`), "Cachewright;hit")

	tab.open(t, url+"/shop/account", 1280)
	tab.do(t, chromedp.SetValue(chromedp.CSS("#customer"), "3"), chromedp.Submit(chromedp.CSS("#customer")),
		chromedp.WaitVisible(chromedp.CSS("#email")))
	tab.until(t, `document.getElementById("strip-rows").textContent.includes("customers 3")`)
	tab.requireQuiet(t)
}

// picture keeps a picture of the page, light and dark, where one is asked for.
func picture(tb testing.TB, t *window, name string) {
	tb.Helper()
	folder := os.Getenv(screenshots)
	if folder == "" {
		return
	}
	for _, scheme := range []string{"light", "dark"} {
		t.do(tb, colors(scheme))
		png := value(tb, t, chromedp.FullScreenshot(100))
		require.NoError(tb, os.WriteFile(filepath.Join(folder, name+"-"+scheme+".png"), small(tb, png), 0o644))
	}
	t.do(tb, colors(""))
}
