package subject

import (
	"context"

	commonspool "github.com/jolestar/go-commons-pool/v2"
)

type commons struct{ pool *commonspool.ObjectPool }

func (p commons) Use(ctx context.Context, hold func(*Resource)) error {
	o, err := p.pool.BorrowObject(ctx)
	if err != nil {
		return err
	}
	if hold != nil {
		hold(o.(*Resource)) // the factory makes nothing else
	}
	return p.pool.ReturnObject(ctx, o)
}

func (p commons) Close() { p.pool.Close(context.Background()) }

func openCommons(c Config) (Pool, error) {
	dial := c.dial()
	cfg := commonspool.NewDefaultPoolConfig()
	cfg.MaxTotal, cfg.MaxIdle = c.Size, c.Size
	factory := commonspool.NewPooledObjectFactorySimple(func(ctx context.Context) (any, error) {
		r, err := dial(ctx)
		if err != nil {
			return nil, err // not a nil *Resource in an interface
		}
		return r, nil
	})
	return commons{commonspool.NewObjectPool(context.Background(), factory, cfg)}, nil
}
