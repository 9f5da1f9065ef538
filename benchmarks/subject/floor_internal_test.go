package subject

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the floors promise beyond lending to one caller at a time. Without it they
// would be cheaper than what Berth must do, and the ratios wrong.

func TestFloorsRefuseAnEndedContextAndAClosedPool(t *testing.T) {
	for _, s := range append(Floors(), QueueFloor()) {
		t.Run(s.Name, func(t *testing.T) {
			p, err := s.Open(Config{Size: 1})
			require.NoError(t, err)
			require.NoError(t, p.Use(t.Context(), nil))
			ended, end := context.WithCancel(t.Context())
			end()
			require.ErrorIs(t, p.Use(ended, nil), context.Canceled)
			p.Close()
			assert.ErrorIs(t, p.Use(t.Context(), nil), errFloorClosed)
		})
	}
}

func TestASecondReleaseOfALaneLeaseDoesNothing(t *testing.T) {
	p := newLaneFloor(Config{Size: 1})
	c, first, err := p.acquire(t.Context())
	require.NoError(t, err)
	c.release(first)
	c, second, err := p.acquire(t.Context())
	require.NoError(t, err)
	c.release(first)
	assert.Equal(t, second, c.turn.Load(), "the second lease was ended by the first")
}

func TestASecondReleaseOfAFullLeaseDoesNothing(t *testing.T) {
	p := newFullFloor(Config{Size: 1})
	defer p.Close()
	recycled := 0
	p.recycle = func(*Resource) error { recycled++; return nil }
	c, first, err := p.acquire(t.Context())
	require.NoError(t, err)
	p.release(c, first)
	p.release(c, first)
	assert.Equal(t, 1, recycled)
	c, second, err := p.acquire(t.Context())
	require.NoError(t, err)
	p.release(c, first)
	assert.Equal(t, second, c.turn.Load(), "the second lease was ended by the first")
	assert.Equal(t, 1, recycled)
}

func TestFullFloorReplacesWhatIsNoLongerGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newFullFloor(Config{Size: 1})
		defer p.Close()
		p.checkAfter, p.life, p.mostUses = 100, 1000, 3
		var unmade []int64
		p.unmake = func(r *Resource) error { unmade = append(unmade, r.ID); return nil }
		var checked, bad error
		p.check = func(context.Context, *Resource) error { checked = errFloorClosed; return bad }
		id := func() (id int64) {
			require.NoError(t, p.Use(t.Context(), func(r *Resource) { id = r.ID }))
			return id
		}
		assert.Equal(t, []int64{1, 1, 1, 2}, []int64{id(), id(), id(), id()}, "three uses each")
		assert.NoError(t, checked)

		time.Sleep(101 * fullTick)
		assert.EqualValues(t, 2, id())
		assert.Error(t, checked, "it was idle for long")
		time.Sleep(101 * fullTick)
		bad = errFloorClosed
		assert.EqualValues(t, 3, id())
		bad = nil

		time.Sleep(1001 * fullTick)
		assert.EqualValues(t, 4, id(), "the end of its life")

		p.recycle = func(*Resource) error { return errFloorClosed }
		assert.EqualValues(t, 4, id())
		p.recycle = func(*Resource) error { panic("recycle") }
		assert.PanicsWithValue(t, "recycle", func() { id() })
		p.recycle = func(*Resource) error { return nil }
		assert.EqualValues(t, 6, id())
		assert.Equal(t, []int64{1, 2, 3, 4, 5}, unmade)
	})
}

func TestASecondReleaseOfASharedLeaseDoesNothing(t *testing.T) {
	p := &sharedFloor{capacity: 1}
	p.leases.Store(2)
	c, turn := p.cell()
	p.release(c, turn)
	p.release(c, turn)
	assert.EqualValues(t, 1, p.leases.Load())
}

func TestSharedLeasesBeyondTheCellsHaveTheirOwn(t *testing.T) {
	p := &sharedFloor{}
	seen := map[*leaseCell]bool{}
	for range 2 * len(p.cells) {
		c, _ := p.cell()
		require.False(t, seen[c], "a cell has two leases")
		seen[c] = true
	}
}

func TestQueueFloorServesInOrderAndSkipsEndedContexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queueFloor{size: 1}
		held, err := q.acquire(t.Context(), new(Dialer).Dial)
		require.NoError(t, err)
		var served []int
		var all sync.WaitGroup
		ends := map[int]context.CancelFunc{}
		for i := range 6 {
			ctx, end := context.WithCancel(t.Context())
			defer end()
			ends[i] = end
			all.Go(func() {
				l, err := q.acquire(ctx, new(Dialer).Dial)
				if err != nil {
					assert.ErrorIs(t, err, context.Canceled)
					return
				}
				served = append(served, i)
				q.release(l, 0)
				q.release(l, 0) // does nothing
			})
			synctest.Wait()
		}
		ends[1]() // long before the release, from the middle of the queue
		synctest.Wait()
		ends[0]() // just before it: the waiter may not have left yet
		q.release(held, 0)
		all.Wait()
		assert.Equal(t, []int{2, 3, 4, 5}, served)
		assert.Nil(t, q.first)
		assert.NotNil(t, q.newest, "the resource is idle in the end")
		assert.EqualValues(t, 1, q.made)
	})
}

func TestQueueFloorEndsEveryWaitWhenItCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queueFloor{size: 1}
		held, err := q.acquire(t.Context(), new(Dialer).Dial)
		require.NoError(t, err)
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				_, err := q.acquire(t.Context(), new(Dialer).Dial)
				assert.ErrorIs(t, err, errFloorClosed)
			})
		}
		synctest.Wait()
		q.close()
		all.Wait()
		q.release(held, 0)
		assert.Nil(t, q.first)
	})
}

func TestQueueFloorLosesNothingWhenDeliveriesMeetEndingContexts(t *testing.T) {
	const size, callers, rounds = 2, 8, 500
	q := &queueFloor{size: size}
	var all sync.WaitGroup
	for i := range callers {
		rnd := rand.New(rand.NewPCG(uint64(i), 1))
		all.Go(func() {
			for range rounds {
				ctx, end := context.WithCancel(t.Context())
				if rnd.IntN(2) == 0 {
					go end()
				}
				if l, err := q.acquire(ctx, new(Dialer).Dial); err == nil {
					q.release(l, 0)
				}
				end()
			}
		})
	}
	all.Wait()
	idle := int32(0)
	for s := q.newest; s != nil; s = s.older {
		idle++
	}
	assert.Nil(t, q.first)
	assert.Equal(t, q.made, idle)
	assert.LessOrEqual(t, idle, int32(size))
}
