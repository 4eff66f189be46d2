package meter

import (
	"context"
	"database/sql/driver"
	"fmt"
)

// Connector returns a connector whose connections are counted by the meter, for sql.OpenDB. The driver's connections and
// statements must take contexts, as those for PostgreSQL and SQLite do; opening one that does not is an error.
func (m *Meter) Connector(inner driver.Connector) driver.Connector {
	return &connector{inner: inner, meter: m}
}

type connector struct {
	inner driver.Connector
	meter *Meter
}

func (c *connector) Driver() driver.Driver { return c.inner.Driver() }

func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := c.inner.Connect(ctx)
	if err != nil {
		return nil, err
	}
	full, ok := inner.(contextConn)
	if !ok {
		_ = inner.Close()
		return nil, fmt.Errorf("count the statements of a %T: it does not take contexts", inner)
	}
	return &conn{contextConn: full, meter: c.meter}, nil
}
