// Package part is what package keyed tells a pool that is one key of many. It is
// apart from both so that none of it shows in their API.
package part

import (
	"sync/atomic"

	"github.com/berth-go/berth/internal/alarm"
	"github.com/berth-go/berth/internal/crew"
)

// A Part ties a pool to the keyed pool that it belongs to.
type Part struct {
	// Key is the pool's key, for errors.
	Key any

	// Shared replaces Config.Shared and may change its answer. It is called
	// without a lock. nil: Config.Shared.
	Shared func() int

	// Quiet is called without a lock when the pool has become empty: nothing
	// open, dialling or closing, no lease and no waiter. It is never nil.
	Quiet func()

	// Bare reports whether the pool is as Quiet says. The pool sets it.
	Bare func() bool

	// Total counts over all keys; it is never nil.
	Total *Total
}

// A Total is what all keys have in common beside the Budget.
type Total struct {
	// Crew runs the Close funcs of all keys.
	Crew *crew.Crew

	// Clock rings the bells of all keys.
	Clock *alarm.Clock

	// Waiting counts the waiters of all keys beyond those whom dials in flight
	// will serve; MaxWaiters is its limit: 0 for none, below 0 for no waiting.
	Waiting, MaxWaiters atomic.Int64
}

// Access shows that a call comes from this module.
type Access struct{}
