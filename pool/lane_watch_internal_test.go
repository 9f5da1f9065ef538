package pool

import (
	"testing"
	"testing/synctest"

	"github.com/berth-go/berth/internal/turn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newPipes is newWires for exclusive ones, with the lane open.
func newPipes(t *testing.T, change func(*Config[*wire])) *wires {
	return newWires(t, 1, func(cfg *Config[*wire]) {
		cfg.Shareable = func(*wire) bool { return false }
		if change != nil {
			change(cfg)
		}
	}).warm()
}

// An exclusive resource that tells of its changes has the lane, like one that never
// changes.
func TestExclusiveResourceThatTellsIsLent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws := newPipes(t, nil)
		for range 5 {
			ws.fromLane().Release()
		}
		assert.Equal(t, 1, ws.resting(), "no lease ended under the lock")
	})
}

// What its holder has done to a resource, and told, the next caller does not find out.
func TestLeaseOfAResourceThatHasToldEndsUnderTheLock(t *testing.T) {
	for name, between := range map[string]func(*wires){
		"at once":                     func(*wires) {},
		"when the pool has seen it":   func(*wires) { synctest.Wait() },
		"when the lane is open again": func(ws *wires) { synctest.Wait(); ws.warm() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ws := newPipes(t, nil)
				l := ws.fromLane()
				w := l.Value()
				w.capacity.Store(0)
				w.changed()
				between(ws)
				l.Release()
				var held []Lease[*wire]
				for l, ok := ws.TryAcquire(); ok; l, ok = ws.TryAcquire() {
					assert.NotSame(t, w, l.Value(), "it has no capacity")
					held = append(held, l)
				}
				w.set(1)
				l, ok := ws.TryAcquire()
				require.True(t, ok)
				assert.Same(t, w, l.Value())
				release(append(held, l)...)
			})
		})
	}
}

// Recycle is a part of the lease: what it does to a resource, and tells, is known before
// anybody gets that.
func TestResourceThatTellsInRecycleIsAskedBeforeItIsLentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spoil := false
		ws := newPipes(t, func(cfg *Config[*wire]) {
			cfg.Recycle = func(w *wire) error {
				if spoil {
					w.capacity.Store(0)
					w.changed()
				}
				return nil
			}
		})
		l := ws.fromLane()
		w := l.Value()
		spoil = true
		l.Release()
		_, ok := ws.TryAcquire()
		require.False(t, ok, "it has no capacity")
		require.Equal(t, turn.Held, l.cell.Turn.Load().State(), "the pool has it")
		spoil = false
		w.set(1)
		l, ok = ws.TryAcquire()
		require.True(t, ok)
		l.Release()
	})
}

// Nobody gets a resource whose Capacity is being read: what it says may be from before.
func TestResourceIsNotInTheLaneWhileItsCapacityIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		look, reading := make(chan struct{}), false
		ws := newPipes(t, func(cfg *Config[*wire]) {
			cfg.Capacity = func(w *wire) int {
				if reading {
					<-look
				}
				return int(w.capacity.Load())
			}
		})
		release(ws.take(), ws.take())
		ws.warm()
		l := ws.fromLane()
		w := l.Value()
		reading = true
		w.changed()
		synctest.Wait()
		ws.locked().Release() // which has closed the lane and opens it again
		require.Equal(t, 1, ws.resting())
		l.Release()
		var held []Lease[*wire]
		for l, ok := ws.TryAcquire(); ok; l, ok = ws.TryAcquire() {
			assert.NotSame(t, w, l.Value(), "it is being asked")
			held = append(held, l)
		}
		release(held...)
		reading = false
		close(look)
		synctest.Wait()
		assert.Equal(t, 2, ws.Stats().Idle)
	})
}

// What has no capacity may be idle, and is not to be had.
func TestResourceWithoutCapacityIsNotLent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws := newPipes(t, nil)
		a, b := ws.take(), ws.take()
		w := b.Value()
		release(a, b)
		w.set(0)
		ws.warm()
		assert.Equal(t, 1, ws.resting())
		assert.Equal(t, 2, ws.Stats().Idle)
		w.set(1)
		ws.warm()
		assert.Equal(t, 2, ws.resting())
	})
}

// A seat whose resource has told is not renewed at the tick: its lease would end in
// the lane.
func TestTickDoesNotRenewTheSeatOfAResourceThatHasTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws := newPipes(t, nil)
		ws.fromLane().Release()
		l := ws.fromLane()
		ws.mu.Lock()
		defer l.Release()
		defer ws.mu.Unlock()
		ws.mu.now = ws.mu.tick
		require.True(t, ws.goesOnLocked())
		l.cell.slot.dirty = true
		assert.False(t, ws.goesOnLocked())
	})
}

// A lease of the lane has had its resource from rest, however short that was.
func TestLeaseOfTheLaneSaysThatItsResourceWasIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws := newPipes(t, nil)
		for range 3 {
			l := ws.fromLane()
			i := l.Info()
			assert.Positive(t, i.IdleFor)
			assert.LessOrEqual(t, i.IdleFor, i.Age)
			l.Release()
		}
	})
}
