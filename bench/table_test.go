package bench_test

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// print writes the report as one table; every group starts with its floor.
func (r report) print(out io.Writer, groups []group) {
	t := table.NewWriter()
	t.SetOutputMirror(out)
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	header := table.Row{"", "ns/op", "min – max", "÷ floor", "plain ÷ it", "B/op", "allocs/op", "− floor", "bound"}
	t.AppendHeader(header)
	var columns []table.ColumnConfig
	for number := 2; number <= len(header); number++ {
		columns = append(columns, table.ColumnConfig{Number: number, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(columns)
	for i, g := range groups {
		t.AppendSeparator()
		t.AppendRow(table.Row{g.title})
		all := g.all()
		plain := slices.IndexFunc(all, func(m measurement) bool { return m.plain })
		for j, m := range all {
			t.AppendRow(r[i][j].row(m, r[i][0], r[i][plain]))
		}
	}
	t.Render()
	fmt.Fprintf(out, "Figures are medians of %d rounds; a ratio is the median of the ratios within the rounds.\n", len(r[0][0]))
	fmt.Fprintln(out, "÷ floor: time over the floor's, the first line of each part. plain ÷ it: how many times as long plain GORM takes.")
	fmt.Fprintln(out, "− floor: allocations above the floor's, and the bound that go test checks. A bound with × is of the time.")
}

// row is the line of a measurement.
func (s series) row(m measurement, floor, plain series) table.Row {
	took, count := s.each(nanoseconds), median(s.each(allocations))
	bound := ""
	if m.bound > 0 {
		bound = "≤ " + strconv.Itoa(m.bound)
	}
	if m.limit > 0 {
		bound = "≤ " + strconv.FormatFloat(m.limit, 'g', -1, 64) + "×"
	}
	return table.Row{
		"  " + m.name, whole(median(took)), whole(slices.Min(took)) + " – " + whole(slices.Max(took)),
		ratio(s.over(floor)), ratio(plain.over(s)), whole(median(s.each(bytes))), whole(count),
		whole(count - median(floor.each(allocations))), bound,
	}
}

// ratio is a number with about three digits.
func ratio(r float64) string {
	digits := 2
	if r >= 10 {
		digits = 0
	}
	return humanize.CommafWithDigits(r, digits)
}

func whole(f float64) string { return humanize.Comma(int64(math.Round(f))) }
