package subject

import (
	"context"

	puddlepool "github.com/jackc/puddle/v2"
)

type puddle struct{ pool *puddlepool.Pool[*Resource] }

func (p puddle) Use(ctx context.Context, hold func(*Resource)) error {
	r, err := p.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	if hold != nil {
		hold(r.Value())
	}
	r.Release()
	return nil
}

func (p puddle) Close() { p.pool.Close() }

func newPuddle(c Config) (puddle, error) {
	p, err := puddlepool.NewPool(&puddlepool.Config[*Resource]{
		Constructor: c.dial(),
		Destructor:  func(*Resource) {},
		MaxSize:     int32(c.Size),
	})
	return puddle{p}, err
}

func openPuddle(c Config) (Pool, error) {
	p, err := newPuddle(c)
	return p, err
}
