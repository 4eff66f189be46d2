package dashboard

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"
)

// The size of a chart's drawing, in its own units; on the page it is as wide as its place.
const (
	chartWidth  = 360
	chartHeight = 120
	chartLeft   = 44 // room for the numbers of the axis
	chartTop    = 10
	chartBottom = 14
)

// chart draws lines over time.
type chart struct {
	id, title, unit string
	lines           []*series
}

// svg draws the chart. Its text alternative says what a look at it would: the values of now and the greatest ones.
func (c chart) svg() template.HTML {
	most := 0.0
	for _, l := range c.lines {
		for _, v := range l.points {
			most = math.Max(most, v)
		}
	}
	top := niceTop(most)
	var b strings.Builder
	alt := make([]string, len(c.lines))
	for i, l := range c.lines {
		alt[i] = fmt.Sprintf("%s now %s", l.name, number(l.last()))
	}
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s">`, chartWidth, chartHeight,
		html.EscapeString(fmt.Sprintf("%s: %s; scale up to %s %s", c.title, strings.Join(alt, ", "), number(top), c.unit)))
	for i := range 3 {
		value := top * float64(i) / 2
		y := c.y(value, top)
		fmt.Fprintf(&b, `<line class="grid" x1="%d" y1="%.1f" x2="%d" y2="%.1f"/>`, chartLeft, y, chartWidth, y)
		fmt.Fprintf(&b, `<text class="tick" x="%d" y="%.1f" text-anchor="end">%s</text>`, chartLeft-5, y+4, number(value))
	}
	for i, l := range c.lines {
		points := make([]string, len(l.points))
		for j, v := range l.points {
			x := chartLeft + float64(chartWidth-chartLeft)*float64(kept-len(l.points)+j)/float64(kept-1)
			points[j] = fmt.Sprintf("%.1f,%.1f", x, c.y(v, top))
		}
		fmt.Fprintf(&b, `<polyline class="line-%d" points="%s"/>`, i+1, strings.Join(points, " "))
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) //nolint:gosec // made of numbers, our own words, and what was escaped
}

func (c chart) y(v, top float64) float64 {
	return chartTop + (chartHeight-chartTop-chartBottom)*(1-v/top)
}

// legend names the lines with their values of now.
func (c chart) legend() template.HTML {
	var b strings.Builder
	for i, l := range c.lines {
		fmt.Fprintf(&b, `<li><span class="key key-%d" aria-hidden="true"></span>%s <b>%s</b></li>`, i+1, html.EscapeString(l.name), number(l.last()))
	}
	return template.HTML(b.String()) //nolint:gosec // made of numbers and what was escaped
}

// niceTop is the end of an axis that has room for a value: 1, 2 or 5 times a power of ten.
func niceTop(most float64) float64 {
	if most <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(most)))
	for _, step := range []float64{1, 2, 5, 10} {
		if most <= step*power {
			return step * power
		}
	}
	return 10 * power
}

// number writes a value as short as it can be read.
func number(v float64) string {
	switch {
	case v >= 10_000:
		return fmt.Sprintf("%.0fk", v/1000)
	case v >= 100 || v == math.Trunc(v):
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}
