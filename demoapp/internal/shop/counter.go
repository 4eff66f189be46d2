package shop

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// PageView is how often a page was asked for. A crash may lose a second's worth: nobody bills by them.
type PageView struct {
	_    struct{} `cache:"writeback,flush=1s,ack=memory"`
	Path string   `gorm:"primaryKey" json:"path"`
	Hits int64    `json:"hits"`
}

// SensorMetric sums up what a sensor measured in one minute. Sums and counts can be added up; a mean could not.
// With a journal what was acknowledged survives a crash.
type SensorMetric struct {
	_       struct{} `cache:"writeback,flush=1s"`
	Sensor  string   `gorm:"primaryKey" json:"sensor"`
	Minute  int64    `gorm:"primaryKey;autoIncrement:false" json:"minute"` // since 1970, UTC
	Samples int64    `json:"samples"`
	Total   int64    `json:"total"` // of all samples, in thousandths of the sensor's unit
}

// Minute is the minute a SensorMetric counts a time for.
func Minute(at time.Time) int64 { return at.Unix() / 60 }

// CountView counts one view of a page.
func (s *Shop) CountView(ctx context.Context, path string) error {
	row := s.db.WithContext(ctx).Model(&PageView{}).Where("path = ?", path)
	err := add(row, &PageView{Path: path, Hits: 1}, map[string]any{"hits": gorm.Expr("hits + ?", 1)})
	if err != nil {
		return failed("count a view of "+path, err)
	}
	return nil
}

// Record adds a sensor's samples, in thousandths of its unit, to the minute they were taken in.
func (s *Shop) Record(ctx context.Context, sensor string, at time.Time, samples []int64) (SensorMetric, error) {
	first := SensorMetric{Sensor: sensor, Minute: Minute(at), Samples: int64(len(samples))}
	for _, sample := range samples {
		first.Total += sample
	}
	row := s.db.WithContext(ctx).Model(&SensorMetric{}).Where("sensor = ?", sensor).Where("minute = ?", first.Minute)
	err := add(row, &first, map[string]any{
		"samples": gorm.Expr("samples + ?", first.Samples),
		"total":   gorm.Expr("total + ?", first.Total),
	})
	if err != nil {
		return SensorMetric{}, failed("record samples of "+sensor, err)
	}
	return s.Metric(ctx, sensor, first.Minute)
}

// View returns how often a page was viewed. What was counted and is not in the database yet is part of it.
func (s *Shop) View(ctx context.Context, path string) (PageView, error) {
	var v PageView
	if err := s.db.WithContext(ctx).Take(&v, "path = ?", path).Error; err != nil {
		return PageView{}, failed("find the views of "+path, err)
	}
	return v, nil
}

// Views lists the pages that were viewed most. Such a query brings to the database what is still pending, then asks it.
func (s *Shop) Views(ctx context.Context, limit int) ([]PageView, error) {
	var views []PageView
	if err := s.db.WithContext(ctx).Order("hits DESC, path").Limit(limit).Find(&views).Error; err != nil {
		return nil, failed("list page views", err)
	}
	return views, nil
}

// Metric returns what a sensor measured in one minute. The key is given column by column, which the cache takes for a key
// as it takes First(&order, 7); a text that joins the columns would be a query like any other.
func (s *Shop) Metric(ctx context.Context, sensor string, minute int64) (SensorMetric, error) {
	var m SensorMetric
	err := s.db.WithContext(ctx).Where("sensor = ?", sensor).Where("minute = ?", minute).Take(&m).Error
	if err != nil {
		return SensorMetric{}, failed(fmt.Sprintf("find minute %d of %s", minute, sensor), err)
	}
	return m, nil
}

// Metrics lists a sensor's minutes, the newest first.
func (s *Shop) Metrics(ctx context.Context, sensor string, limit int) ([]SensorMetric, error) {
	var metrics []SensorMetric
	err := s.db.WithContext(ctx).Where("sensor = ?", sensor).Order("minute DESC").Limit(limit).Find(&metrics).Error
	if err != nil {
		return nil, failed("list the minutes of "+sensor, err)
	}
	return metrics, nil
}

// add adds to the columns of a row, or makes it when it is not there. Whoever loses the race to make it adds to the
// winner's; a row that keeps coming and going is ErrConflict.
func add(row *gorm.DB, first any, columns map[string]any) error {
	const attempts = 8
	row = row.Session(&gorm.Session{}) // it is used more than once
	for range attempts {
		updated := row.Updates(columns)
		if updated.Error != nil || updated.RowsAffected > 0 {
			return updated.Error
		}
		created := row.Session(&gorm.Session{NewDB: true}).Create(first)
		if !errors.Is(created.Error, gorm.ErrDuplicatedKey) {
			return created.Error
		}
	}
	return ErrConflict
}
