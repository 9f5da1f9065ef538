// Package part is what package keyed tells a pool that is one key of many, and what
// the adapters know of a pool's errors. It is apart from all of them so that none of
// it shows in their API.
package part

import (
	"context"
	"sync/atomic"

	"github.com/berth-go/berth/internal/alarm"
	"github.com/berth-go/berth/internal/crew"
)

// A Part is the key that a pool stands for, as its keyed pool knows it: what
// differs from key to key, while the Config is the same for all.
type Part[R any] interface {
	// Key returns the key, for errors and events.
	Key() any

	// Dial takes the place of Config.Dial.
	Dial(ctx context.Context) (R, error)

	// Limiter takes the place of Config.DialRate.
	Limiter() Limiter

	// Shared takes the place of Config.Shared, and may change its answer. It is
	// called without a lock, and only if Total.Asks.
	Shared() int

	// Quiet is called without a lock when the pool has become empty: nothing
	// open, dialling or closing, no lease and no waiter; and when it was closed and
	// nothing is left for Shutdown to wait for.
	Quiet()
}

// A Limiter is as in package pool.
type Limiter interface {
	Wait(ctx context.Context) error
}

// A Total is what all keys have in common beside the Config and the Budget.
type Total struct {
	// Crew runs the Close funcs of all keys.
	Crew *crew.Crew

	// Clock rings the bells of all keys.
	Clock *alarm.Clock

	// Asks says that Shared is to be asked.
	Asks bool

	// Waiting counts the waiters of all keys beyond those whom dials in flight
	// will serve; MaxWaiters is its limit: 0 for none, below 0 for no waiting.
	Waiting, MaxWaiters atomic.Int64
}

// Access is a parameter of what this module alone is to call: nobody else can name the
// type, and its field keeps struct{}{} from being one.
type Access struct{ _ struct{} }
