package subject

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
)

// errNoStatements is what the driver answers to all but connecting.
var errNoStatements = errors.New("the driver only connects")

// sqlConnector makes connections that do nothing.
type sqlConnector struct {
	dial func(context.Context) (*Resource, error)
}

func (c sqlConnector) Connect(ctx context.Context) (driver.Conn, error) {
	r, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	return sqlConn{r}, nil
}

func (c sqlConnector) Driver() driver.Driver { return c }

func (c sqlConnector) Open(string) (driver.Conn, error) { return c.Connect(context.Background()) }

type sqlConn struct{ r *Resource }

func (sqlConn) Prepare(string) (driver.Stmt, error) { return nil, errNoStatements }
func (sqlConn) Begin() (driver.Tx, error)           { return nil, errNoStatements }
func (sqlConn) Close() error                        { return nil }

type sqlPool struct{ db *sql.DB }

// Use reaches the connection through Raw, as a user of the pool must. Without
// hold it does not, so that only the pool is measured.
func (p sqlPool) Use(ctx context.Context, hold func(*Resource)) error {
	c, err := p.db.Conn(ctx)
	if err != nil {
		return err
	}
	if hold != nil {
		err = c.Raw(func(dc any) error {
			hold(dc.(sqlConn).r) // the driver makes nothing else
			return nil
		})
	}
	return errors.Join(err, c.Close())
}

func (p sqlPool) Close() { _ = p.db.Close() }

func openSQL(c Config) (Pool, error) {
	db := sql.OpenDB(sqlConnector{c.dial()})
	db.SetMaxOpenConns(c.Size)
	db.SetMaxIdleConns(c.Size) // the default of 2 would close and dial all the time
	return sqlPool{db}, nil
}
