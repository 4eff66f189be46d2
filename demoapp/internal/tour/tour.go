// Package tour shows what the cache does, on the running demo: each chapter uses one pattern over real HTTP, counts what
// reached the database, and makes claims that hold or do not.
//
// A claim is about what was seen, never about what should be: turn off one rule of the cache and the claim that stands
// on it is lost.
package tour

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"time"

	"github.com/cachewright/cachewright/demoapp/internal/crash"
	"github.com/cachewright/cachewright/demoapp/internal/meter"
	cacheplugin "github.com/cachewright/cachewright/gormplugin"
)

// Stage is the running application. All fields are needed.
type Stage struct {
	URL     string                   // where it answers
	Stats   func() cacheplugin.Stats // of the cache
	Handled func() int64             // how often a page was made by its handler
	Meter   *meter.Meter             // counts the statements that reach the database
	Outside *sql.DB                  // the database itself, past the cache and the meter

	Advise func() []cacheplugin.Advice // which policy would serve a model better
	// Crash runs a shop of its own with a journal, kills it when it has acknowledged writes, and counts what came back.
	Crash func(context.Context) (crash.Report, error)
}

// Claim is a sentence about a pattern, and what became of it.
type Claim struct {
	Name string // "aside: repeated reads cost no statement"
	Held bool
	Saw  string // in numbers
}

// Chapter is what was seen of one pattern.
type Chapter struct {
	Pattern string // aside, writethrough, writeback or pages
	When    string // one line on when to choose it
	Claims  []Claim
	Took    time.Duration
	Err     error // what ended it early; its other claims were not made

	Reads, Writes   int64 // requests
	ReadStatements  int64 // that reached the database, of the chapter's tables
	WriteStatements int64
	Hits            int64 // reads of rows, or of pages, answered without the database
	Stale           int64 // reads that saw less than was committed before they began
}

// Report is the whole tour.
type Report struct {
	Chapters []Chapter
	Advice   []cacheplugin.Advice // of the whole tour
	Took     time.Duration
}

// chapter is the script of a Chapter.
type chapter struct {
	pattern string
	when    string
	tables  []string // whose statements are counted
	pages   bool     // the chapter is about pages, and so are its hits
	play    func(context.Context, *visit) error
}

// Run plays all chapters, and shows on out what it is doing; a terminal gets a bar that moves. A chapter that cannot be
// played to its end does not keep the next one from being played.
func Run(ctx context.Context, stage Stage, out io.Writer) Report {
	begun := time.Now()
	client := newClient(stage.URL)
	defer client.close()
	var report Report
	for _, script := range []chapter{aside(), writeThrough(), writeBack(), pages()} {
		report.Chapters = append(report.Chapters, script.run(ctx, stage, client, newProgress(out)))
	}
	report.Advice = stage.Advise()
	report.Took = time.Since(begun)
	return report
}

// Lost names the claims that did not hold, and the chapters that did not come to their end. A tour that lost nothing is
// a success.
func (r Report) Lost() []string {
	var lost []string
	for _, c := range r.Chapters {
		for _, claim := range c.Claims {
			if !claim.Held {
				lost = append(lost, claim.Name+" ("+claim.Saw+")")
			}
		}
		if c.Err != nil {
			lost = append(lost, fmt.Sprintf("%s: the chapter comes to its end (%v)", c.Pattern, c.Err))
		}
	}
	return lost
}

func (c chapter) run(ctx context.Context, stage Stage, client *client, progress *progress) Chapter {
	v := &visit{Stage: stage, client: client, progress: progress}
	v.chapter.Pattern, v.chapter.When = c.pattern, c.when
	progress.begin(c.pattern)
	defer progress.end()
	begun := time.Now()
	v.chapter.Err = v.settle(ctx) // what the chapter before has counted is not this one's
	before, hits := stage.Meter.Counts(), stage.Stats().Hits
	if v.chapter.Err == nil {
		v.chapter.Err = c.play(ctx, v)
	}
	since := stage.Meter.Counts().Since(before)
	v.chapter.Took = time.Since(begun)
	v.chapter.Reads, v.chapter.Writes, v.chapter.Stale = v.reads.Load(), v.writes.Load(), v.stale.Load()
	v.chapter.ReadStatements = since.Reads(c.tables...)
	v.chapter.WriteStatements = since.Statements(c.tables...) - v.chapter.ReadStatements
	v.chapter.Hits = int64(stage.Stats().Hits - hits)
	if c.pages {
		v.chapter.Hits = v.pageHits.Load()
	}
	return v.chapter
}
