package tour

import (
	"fmt"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// whenWidth is where the column with the advice wraps, in characters: the table fits a terminal of 120.
const whenWidth = 46

// Print writes the report as tables a person can read.
func (r Report) Print(out io.Writer) {
	figures := table.NewWriter()
	figures.SetOutputMirror(out)
	figures.SetStyle(table.StyleLight)
	figures.Style().Format.Header = text.FormatDefault
	figures.Style().Options.SeparateRows = true
	figures.AppendHeader(table.Row{"pattern", "reads", "writes", "db reads", "db writes", "hits", "stale", "choose it for"})
	figures.SetColumnConfigs([]table.ColumnConfig{{Name: "choose it for", WidthMax: whenWidth, WidthMaxEnforcer: text.WrapSoft}})
	var held, made int
	for _, c := range r.Chapters {
		figures.AppendRow(table.Row{c.Pattern, c.Reads, c.Writes, c.ReadStatements, c.WriteStatements, c.Hits, none(c.Stale), c.When})
		for _, claim := range c.Claims {
			made++
			if claim.Held {
				held++
			}
		}
	}
	fmt.Fprintln(out)
	figures.Render()
	fmt.Fprintln(out, "reads and writes are requests by HTTP; db reads and db writes are statements that reached the driver,")
	fmt.Fprintln(out, "of the pattern's tables; hits are rows, of which a request may read several, or pages.")
	if len(r.Advice) > 0 {
		fmt.Fprintln(out, "\nwhat Plugin.Advise says of these reads and writes:")
	}
	for _, a := range r.Advice {
		fmt.Fprintf(out, "  %s\n", a.Line)
	}
	fmt.Fprintf(out, "\n%d of %d claims held, in %s.\n", held, made, r.Took.Round(100*time.Millisecond))
	for _, lost := range r.Lost() {
		fmt.Fprintf(out, "%s lost: %s\n", mark(false), lost)
	}
}

func none(n int64) any {
	if n == 0 {
		return "none"
	}
	return n
}
