package subject

import (
	"context"

	"vitess.io/vitess/go/pools/smartconnpool"
)

// vitessConn is a Resource with the methods that smartconnpool asks for.
type vitessConn struct{ r *Resource }

func (*vitessConn) ApplySetting(context.Context, *smartconnpool.Setting) error { return nil }
func (*vitessConn) ResetSetting(context.Context) error                         { return nil }
func (*vitessConn) Setting() *smartconnpool.Setting                            { return nil }
func (*vitessConn) IsClosed() bool                                             { return false }
func (*vitessConn) Close()                                                     {}

type vitess struct {
	pool *smartconnpool.ConnPool[*vitessConn]
}

func (p vitess) Use(ctx context.Context, hold func(*Resource)) error {
	c, err := p.pool.Get(ctx, nil)
	if err != nil {
		return err
	}
	if hold != nil {
		hold(c.Conn.r)
	}
	c.Recycle()
	return nil
}

func (p vitess) Close() { p.pool.Close() }

func openVitess(c Config) (Pool, error) {
	dial := c.dial()
	p := smartconnpool.NewPool(&smartconnpool.Config[*vitessConn]{Capacity: int64(c.Size)})
	p.Open(func(ctx context.Context) (*vitessConn, error) {
		r, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		return &vitessConn{r}, nil
	}, nil)
	return vitess{p}, nil
}
