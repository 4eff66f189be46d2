package dashboard

import "slices"

// kept is how many points a chart has.
const kept = 120

// series is a line of a chart.
type series struct {
	name   string
	points []float64 // the latest last
}

func (s *series) add(v float64) {
	if len(s.points) == kept {
		s.points = slices.Delete(s.points, 0, 1)
	}
	s.points = append(s.points, v)
}

func (s *series) last() float64 {
	if len(s.points) == 0 {
		return 0
	}
	return s.points[len(s.points)-1]
}

// grew is how much a counter has grown; a smaller one is that of a new process.
func grew(now, before int64) int64 {
	if now < before {
		return now
	}
	return now - before
}

// ratio is a part of a whole, 0 of nothing.
func ratio(part, whole int64) float64 {
	if whole <= 0 {
		return 0
	}
	return float64(part) / float64(whole)
}
