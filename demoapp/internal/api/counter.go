package api

import (
	"net/http"
	"regexp"
	"time"

	"github.com/go-chi/chi/v5"
)

const (
	maxSamples = 1000
	maxSample  = 1_000_000_000 // in thousandths
)

var sensorName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

// listViews answers GET /pageviews?limit=20, the most viewed pages, and GET /pageviews?path=/products/7, one of them.
func (a *API) listViews(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	path, limit := q.text("path"), q.limit()
	if err := q.err(); err != nil {
		return err
	}
	if path != "" {
		view, err := a.shop.View(r.Context(), path)
		if err != nil {
			return err
		}
		return answer(w, http.StatusOK, view)
	}
	views, err := a.shop.Views(r.Context(), limit)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, newList(r, views, false, nil))
}

// recordMetric answers POST /metrics {"sensor": "hall-1", "samples": [21350, 21400], "at": "2026-01-05T08:00:00Z"}.
// Without a time the samples are from now.
func (a *API) recordMetric(w http.ResponseWriter, r *http.Request) error {
	in := struct {
		Sensor  string    `json:"sensor"`
		At      time.Time `json:"at"`
		Samples []int64   `json:"samples"`
	}{At: time.Now()}
	if err := decode(w, r, &in); err != nil {
		return err
	}
	var c checks
	c.require(sensorName.MatchString(in.Sensor), "sensor", "must be 1 to 64 of a-z, 0-9 and -, and not begin with -")
	c.require(in.At.Year() >= 2000 && in.At.Year() < 10000, "at", "must be from the years 2000 to 9999")
	c.require(len(in.Samples) >= 1 && len(in.Samples) <= maxSamples, "samples", "must be 1 to 1000")
	for _, sample := range in.Samples {
		if sample < -maxSample || sample > maxSample {
			c.require(false, "samples", "must be from -1000000000 to 1000000000")
			break
		}
	}
	if err := c.err(); err != nil {
		return err
	}
	metric, err := a.shop.Record(r.Context(), in.Sensor, in.At, in.Samples)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, metric)
}

// listMetrics answers GET /metrics/hall-1?limit=20: the sensor's minutes, the newest first.
func (a *API) listMetrics(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	limit := q.limit()
	if err := q.err(); err != nil {
		return err
	}
	metrics, err := a.shop.Metrics(r.Context(), chi.URLParam(r, "sensor"), limit)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, newList(r, metrics, false, nil))
}

// showMetric answers GET /metrics/hall-1/29460000: one minute.
func (a *API) showMetric(w http.ResponseWriter, r *http.Request) error {
	minute, err := pathNumber(r, "minute")
	if err != nil {
		return err
	}
	metric, err := a.shop.Metric(r.Context(), chi.URLParam(r, "sensor"), minute)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, metric)
}
