package pool

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Where callers come while somebody who saw none is on the way to the lock, the clock has
// not been read before it.
func TestSteadyPoolReadsTheClockForThoseWhoHaveNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, l, got := newSteady(t, Config[int]{})
		synctest.Wait()
		time.Sleep(time.Second)
		second := attempt[int]{p: p, user: t.Context(), ctx: t.Context()}
		p.lockBeside()
		require.True(t, second.queueSteadyLocked())
		p.mu.Unlock()
		time.Sleep(time.Second)

		require.True(t, l.cell.end(l.turn))
		var next handOff[int]
		p.lockBeside()
		require.True(t, p.passSteadyLocked(l.cell, 0, &next))
		p.mu.Unlock()
		next.give()
		l = <-got
		s := p.Stats()
		assert.Equal(t, 2*time.Second, s.WaitTimes.Sum)
		assert.Equal(t, 2*time.Second, s.LeaseTimes.Sum)

		l.Release()
		require.NoError(t, second.wait())
		assert.Equal(t, 3*time.Second, p.Stats().WaitTimes.Sum)
		second.lease.Release()
		second.done = true
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// The wait of a caller who saw others wait begins when it came to the lock.
func TestWaitBeginsBeforeTheLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, l, got := newSteady(t, Config[int]{})
		synctest.Wait()
		time.Sleep(time.Second)
		a := attempt[int]{p: p, user: t.Context(), ctx: t.Context(), came: p.moment()}
		time.Sleep(time.Second) // the lock is held by others
		done, err := a.now()
		require.NoError(t, err)
		require.False(t, done)
		l.Release()
		(<-got).Release()
		require.NoError(t, a.wait())
		assert.Equal(t, 3*time.Second, p.Stats().WaitTimes.Sum, "2 s and 1 s")
		a.done = true
		a.lease.Release()
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// A caller who comes back to the queue, and sees nobody there, did not come long ago.
func TestCallerWhoSeesNobodyForgetsWhenItCame(t *testing.T) {
	p, err := New(Config[int]{Dial: numbered()})
	require.NoError(t, err)
	a := attempt[int]{p: p, user: t.Context(), ctx: t.Context(), came: 1}
	require.NoError(t, a.next())
	assert.Zero(t, a.came)
	a.done = true
	a.lease.Release()
	require.NoError(t, p.Shutdown(t.Context()))
}
