package waitq_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/berth-go/berth/waitq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

// A ball is a value that knows whether somebody has it. It is only in the hands
// of one goroutine at a time, or the queue has made two of it.
type ball struct {
	number int
	held   atomic.Bool
	catch  int // written without a lock: the race detector watches the hand-off
}

func (b *ball) take(t *testing.T) {
	if !assert.True(t, b.held.CompareAndSwap(false, true), "ball %d has two owners", b.number) {
		t.FailNow()
	}
	b.catch++
}

func (b *ball) drop() { b.held.Store(false) }

// A game is a number of balls that givers hand to catchers and catchers put back.
type game struct {
	q       waitq.Queue[*ball]
	rest    chan *ball // balls that nobody has; room for all of them
	over    chan struct{}
	caught  atomic.Uint32
	escaped atomic.Uint32 // waits that ended without a ball
}

// give hands balls to waiters until the game is over.
func (g *game) give() {
	for {
		select {
		case <-g.over:
			return
		case b := <-g.rest:
			if !g.q.Deliver(b) {
				g.rest <- b // it is still the giver's
				runtime.Gosched()
			}
		}
	}
}

// catch waits n times, each time in a way drawn by lot.
func (g *game) catch(t *testing.T, n int, rng *rand.Rand) {
	for range n {
		b, err := g.wait(rng)
		if err != nil {
			g.escaped.Inc()
			assert.ErrorIs(t, err, context.Canceled)
			assert.Nil(t, b, "an error comes without a ball")
			continue
		}
		g.caught.Inc()
		b.take(t)
		if rng.IntN(4) == 0 {
			runtime.Gosched()
		}
		b.drop()
		g.rest <- b
	}
}

func (g *game) wait(rng *rand.Rand) (*ball, error) {
	switch rng.IntN(4) {
	case 0: // a patient one
		return g.q.Enqueue(context.Background()).Wait()
	case 1: // one that leaves before it ever sleeps
		w := g.q.Enqueue(context.Background())
		if rng.IntN(2) == 0 {
			runtime.Gosched()
		}
		if w.Cancel() {
			return nil, context.Canceled
		}
		return w.Wait()
	default: // one whose context ends while it sleeps, or before, or after
		ctx, cancel := context.WithCancel(context.Background())
		w := g.q.EnqueueAt(ctx, rng.Uint64N(100), 0)
		go cancel()
		return w.Wait()
	}
}

func TestEveryValueHasOneOwnerUnderStress(t *testing.T) {
	const balls, givers, catchers, rounds = 5, 3, 16, 1_500
	g := &game{rest: make(chan *ball, balls), over: make(chan struct{})}
	for i := range balls {
		g.rest <- &ball{number: i}
	}
	var giving, catching sync.WaitGroup
	for range givers {
		giving.Go(g.give)
	}
	for i := range catchers {
		catching.Go(func() { g.catch(t, rounds, rand.New(rand.NewPCG(1, uint64(i)))) })
	}
	catching.Wait()
	close(g.over)
	giving.Wait()

	require.Zero(t, g.q.Len())
	assert.EqualValues(t, catchers*rounds, g.caught.Load()+g.escaped.Load())
	assert.NotZero(t, g.caught.Load())
	assert.NotZero(t, g.escaped.Load())

	// Every ball is back, and none is there twice.
	require.Len(t, g.rest, balls)
	catches, seen := 0, map[int]bool{}
	for range balls {
		b := <-g.rest
		seen[b.number] = true
		catches += b.catch
	}
	assert.Len(t, seen, balls)
	assert.EqualValues(t, g.caught.Load(), catches)
}

// duel lets a delivery and a leave race for one waiter, many times over. Each
// time exactly one of the two must have the value.
func duel(t *testing.T, leave func(w waitq.Waiter[int], cancel func()) (int, error)) {
	var q waitq.Queue[int]
	for i := range 3_000 {
		ctx, cancel := context.WithCancel(t.Context())
		w := q.Enqueue(ctx)
		delivered := make(chan bool, 1)
		go func() { delivered <- q.Deliver(1 + i) }()
		if i%2 == 0 {
			runtime.Gosched()
		}
		v, err := leave(w, cancel)
		cancel()
		if <-delivered {
			require.NoError(t, err)
			require.Equal(t, 1+i, v)
		} else {
			require.ErrorIs(t, err, context.Canceled)
			require.Zero(t, v)
		}
		require.Zero(t, q.Len())
	}
}

func TestContextRacingADeliveryHasTwoOutcomesAndNoThird(t *testing.T) {
	duel(t, func(w waitq.Waiter[int], cancel func()) (int, error) {
		go cancel()
		return w.Wait()
	})
}

func TestCancelRacingADeliveryHasTwoOutcomesAndNoThird(t *testing.T) {
	duel(t, func(w waitq.Waiter[int], _ func()) (int, error) {
		if w.Cancel() {
			return 0, context.Canceled
		}
		return w.Wait()
	})
}

func TestFailAllRacingArrivalsReachesAllWhoCameBefore(t *testing.T) {
	var q waitq.Queue[int]
	for range 300 {
		var before []<-chan outcome
		for range 4 {
			before = append(before, waitAside(q.Enqueue(t.Context())))
		}
		arrived := make(chan waitq.Waiter[int], 1)
		go func() { arrived <- q.Enqueue(t.Context()) }()
		count := q.FailAll(errClosed)
		for _, ended := range before {
			require.Equal(t, outcome{err: errClosed}, <-ended)
		}
		w := <-arrived
		if count == 4 {
			require.True(t, w.Cancel(), "it came after, so it still waits")
		} else {
			require.Equal(t, 5, count)
			assertFails(t, errClosed, w)
		}
	}
}
