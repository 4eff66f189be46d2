package testkit

import (
	"context"
	"database/sql/driver"
	"fmt"
)

// probeConnector opens connections of the driver beneath, with the probe between.
type probeConnector struct {
	inner driver.Connector
	probe *Probe
}

var _ driver.Connector = (*probeConnector)(nil)

func (c *probeConnector) Connect(ctx context.Context) (driver.Conn, error) {
	var inner driver.Conn
	err := c.probe.run(ctx, Call{Kind: Connect}, func(*fault) (err error) {
		inner, err = c.inner.Connect(ctx)
		return err
	}, nil, func() { _ = inner.Close() })
	if err != nil {
		return nil, err
	}
	full, ok := inner.(contextConn)
	if !ok {
		_ = inner.Close()
		return nil, fmt.Errorf("put a probe on %T: it does not take contexts", inner)
	}
	return &probeConn{inner: full, probe: c.probe, id: c.probe.nextConn()}, nil
}

func (c *probeConnector) Driver() driver.Driver { return c.inner.Driver() }

// dsnConnector is the connector of a driver that has none of its own.
type dsnConnector struct {
	driver driver.Driver
	dsn    string
}

var _ driver.Connector = dsnConnector{}

func (c dsnConnector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }

func (c dsnConnector) Driver() driver.Driver { return c.driver }
