package exchange

import (
	"context"
	"errors"

	"github.com/berth-go/berth/internal/part"
	"github.com/berth-go/berth/pool"
)

// maxStillborn bounds the dials for one wait whose connections are useless when
// they come: their server says goodbye at once. It may be a server that is being
// replaced, and the next dial may find another; it is of no use to go on for ever.
const maxStillborn = 3

// Acquire waits for a lease of p, again if what was dialled for it has been useless from
// the beginning: nothing was sent, so any request may have another.
func Acquire[K comparable, C Conn](ctx context.Context, p Pool[K, C], key K, r pool.Request) (pool.Lease[C], error) {
	lease, err := p.AcquireWith(ctx, key, r)
	return acquireAgain(ctx, p, key, r, lease, err)
}

// AcquireInstead is Acquire at the place of a lease whose connection has failed, with
// err, and ends that lease.
func AcquireInstead[K comparable, C Conn](ctx context.Context, p Pool[K, C], key K, failed pool.Lease[C], err error, r pool.Request) (pool.Lease[C], error) {
	r.Place = failed.Ticket()
	lease, err := p.AcquireInstead(ctx, key, failed, err, r)
	return acquireAgain(ctx, p, key, r, lease, err)
}

// acquireAgain goes on after the first try, which gave lease and err.
func acquireAgain[K comparable, C Conn](ctx context.Context, p Pool[K, C], key K, r pool.Request, lease pool.Lease[C], err error) (pool.Lease[C], error) {
	for n := 1; n < maxStillborn && isStillborn(err); n++ {
		lease, err = p.AcquireWith(ctx, key, r)
	}
	return lease, err
}

// Pool is what Acquire needs of a pool.
type Pool[K comparable, C Conn] interface {
	AcquireWith(ctx context.Context, key K, r pool.Request) (pool.Lease[C], error)
	AcquireInstead(ctx context.Context, key K, failed pool.Lease[C], err error, r pool.Request) (pool.Lease[C], error)
}

func isStillborn(err error) bool {
	if err == nil {
		return false // as mostly, and without the allocation below
	}
	var dial *pool.DialError
	return errors.As(err, &dial) && !dial.FailFast && dial.Err == part.ErrStillborn //nolint:errorlint // that of another pool, which a Dial may return, is not this one's
}
