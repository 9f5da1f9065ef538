package pool_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Affinity counts hand-offs past an older waiter in a row. One with nobody older in
// between begins the row anew.
func TestHandOffWithNobodyOlderBeginsTheRowOfAffinityAnew(t *testing.T) {
	for _, quiet := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b, err := pool.NewBudget(pool.BudgetLimits{MaxOpen: 1, Affinity: 2})
			require.NoError(t, err)
			mk := func() *pool.Pool[int] {
				p, err := pool.New(pool.Config[int]{Dial: func(context.Context) (int, error) { return 1, nil }, Budget: b, MaxOpen: 1})
				require.NoError(t, err)
				return p
			}
			a, o := mk(), mk()
			ctx := context.Background()
			served := make(chan string, 100)
			wait := func(ctx context.Context, p *pool.Pool[int], name string, next chan pool.Lease[int]) {
				go func() {
					l, err := p.Acquire(ctx)
					if err != nil {
						return
					}
					served <- name
					next <- l
				}()
				synctest.Wait()
			}
			got := make(chan pool.Lease[int], 100)
			l, err := a.Acquire(ctx)
			require.NoError(t, err)
			octx, cancel := context.WithCancel(ctx)
			wait(octx, o, "o", got)
			wait(ctx, a, "a", got) // one past an older
			l.Release()
			synctest.Wait()
			l = <-got
			cancel()
			synctest.Wait()
			if quiet {
				wait(ctx, a, "a", got) // nobody older: the row is over
				l.Release()
				synctest.Wait()
				l = <-got
			}
			for len(served) > 0 {
				<-served
			}
			wait(ctx, o, "o", got)
			for range 4 {
				wait(ctx, a, "a", got)
			}
			for range 5 {
				l.Release()
				synctest.Wait()
				l = <-got
			}
			l.Release()
			close(served)
			order := ""
			for s := range served {
				order += s
			}
			want := "aoaaa" // one of the row of two had been used
			if quiet {
				want = "aaoaa"
			}
			assert.Equal(t, want, order)
			require.NoError(t, a.Shutdown(ctx))
			require.NoError(t, o.Shutdown(ctx))
		})
	}
}
