package rowset

import "time"

// carrier is a replay in the role of the context its query runs under: it
// brings the rows to the driver without an argument list, and being never done
// it spares database/sql the goroutine it starts for contexts that may be. The
// reader's own context is asked at each row instead.
type carrier replay

type carrierKey struct{}

func (*carrier) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }
func (*carrier) Done() <-chan struct{}                   { return nil }
func (*carrier) Err() error                              { return nil }

func (c *carrier) Value(key any) any {
	if key == (carrierKey{}) {
		return c.source
	}
	return nil
}
