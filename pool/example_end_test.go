package pool_test

import (
	"context"
	"fmt"

	"github.com/berth-go/berth/pool"
)

// Recycle has the next user find a session as new. What cannot be made so is closed.
func ExampleConfig_recycle() {
	type session struct{ inTransaction, broken bool }
	p, _ := pool.New(pool.Config[*session]{
		Dial: func(context.Context) (*session, error) { return &session{}, nil },
		Recycle: func(s *session) error {
			if s.broken {
				return fmt.Errorf("cannot roll back")
			}
			s.inTransaction = false
			return nil
		},
	})
	ctx := context.Background()

	lease, _ := p.Acquire(ctx)
	lease.Value().inTransaction = true
	lease.Release()

	lease, _ = p.Acquire(ctx)
	fmt.Println("the same:", lease.Info().Reused, "in a transaction:", lease.Value().inTransaction)
	lease.Value().broken = true
	lease.Release()
	fmt.Println("closed for", p.Stats().Closes)
	// Output:
	// the same: true in a transaction: false
	// closed for recycle: 1
}

// Hijack takes a resource out of the pool for good, as for a connection that listens for
// notifications from then on. The pool has room for another, and the caller closes it.
func ExampleLease_Hijack() {
	p, _ := pool.New(pool.Config[string]{
		Dial:    func(context.Context) (string, error) { return "conn", nil },
		Close:   func(c string) error { fmt.Println("not called for", c); return nil },
		MaxOpen: 1,
	})
	ctx := context.Background()
	lease, _ := p.Acquire(ctx)
	conn := lease.Hijack()
	lease.Release() // does nothing
	fmt.Println(conn, "is the caller's; open:", p.Stats().Open)
	err := p.Shutdown(ctx) // does not wait for it
	fmt.Println(err)
	// Output:
	// conn is the caller's; open: 0
	// <nil>
}
