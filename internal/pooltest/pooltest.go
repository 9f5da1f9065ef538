// Package pooltest is the kit of the tests that run over every kind of pool: a
// peer that a pool dials and that decides what comes of it, and calls of Acquire
// that run aside, so that a test goes on step by step.
//
// All of it is for use inside a synctest bubble: a step ends when every goroutine
// sleeps, so nothing depends on who was faster.
package pooltest

import (
	"context"

	"github.com/berth-go/berth/pool"
)

// A Pool is what the tests need of an implementation.
type Pool interface {
	AcquireWith(ctx context.Context, r pool.Request) (Lease, error)
	TryAcquire() (Lease, bool)
	Do(ctx context.Context, f func(Lease) error) error
	Warm(ctx context.Context, n int) error
	SetLimits(l pool.Limits) error
	CloseIdle()
	Retire(f func(*Resource) bool)
	Reset()
	Close() error
	Shutdown(ctx context.Context) error
	Stats() pool.Stats
}

// A Lease is what the tests need of a lease; pool.Lease is one.
type Lease interface {
	Value() *Resource
	Info() pool.LeaseInfo
	Ticket() pool.Ticket
	Release()
	Discard(err error)
	Hijack() *Resource
}
