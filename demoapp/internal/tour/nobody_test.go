package tour_test

import (
	"context"

	"github.com/cachewright/cachewright/demoapp/internal/crash"
	"github.com/cachewright/cachewright/demoapp/internal/meter"
	"github.com/cachewright/cachewright/demoapp/internal/tour"
	cacheplugin "github.com/cachewright/cachewright/gormplugin"
)

// nobody is a stage without an application.
func nobody() tour.Stage {
	return tour.Stage{
		URL:     "http://127.0.0.1:1", // a port nobody uses
		Stats:   func() cacheplugin.Stats { return cacheplugin.Stats{} },
		Handled: func() int64 { return 0 },
		Meter:   new(meter.Meter),
		Advise:  func() []cacheplugin.Advice { return nil },
		Crash:   func(context.Context) (crash.Report, error) { return crash.Report{}, nil },
	}
}
