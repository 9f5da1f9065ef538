package berth_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/berth-go/berth/internal/pooltest"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// leaseBehaviors are about the ends of a lease.
func leaseBehaviors() []behavior {
	return []behavior{
		{name: "discard opens room when Close has returned", test: discardOpensRoom},
		{name: "hijack opens room at once", test: hijackOpensRoom},
		{name: "only the first end of a lease counts", test: onlyTheFirstEndCounts},
		{name: "the end of a lease does not end the next one", test: oldLeaseDoesNotEndTheNext},
		{name: "use after the end panics where harm is possible", test: useAfterTheEnd},
		{name: "Do releases on return", test: doReleases},
		{name: "Do returns the error of Acquire", test: doFailsAsAcquireDoes},
		{name: "Do discards on panic", test: doDiscardsOnPanic},
		{name: "Do discards on Goexit", test: doDiscardsOnGoexit},
		{name: "an end inside Do wins", test: endInsideDoWins},
	}
}

func discardOpensRoom(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(1))
	b.HoldClose(true)
	first, second := b.Acquire(), b.Acquire()
	r := b.Succeed(pooltest.Exclusive())
	first.Discard()
	s := b.Pool.Stats()
	assert.Equal(t, [...]int{0, 1, 0}, [...]int{s.Open, s.Closing, s.Dialing}, "the slot is not free yet")
	assert.Equal(t, []*resource{r}, b.Held())
	b.CloseReturns(r)
	require.Len(t, b.Dials(), 1)
	b.Succeed(pooltest.Exclusive())
	assert.Equal(t, 2, second.Resource().ID)
	assert.EqualValues(t, 1, b.Pool.Stats().Closes.Of(pool.ReasonDiscard))
}

func hijackOpensRoom(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(1))
	first, second := b.Acquire(), b.Acquire()
	r := b.Succeed(pooltest.Exclusive())
	first.Hijack()
	require.Len(t, b.Dials(), 1)
	b.Succeed(pooltest.Exclusive())
	assert.Equal(t, 2, second.Resource().ID)
	assert.Equal(t, pooltest.Hijacked, r.State(), "closing it is up to the caller")
	assert.EqualValues(t, 1, b.Pool.Stats().Hijacks)
}

// ends are the ways to end a lease that may be called again.
func ends() map[string]func(*pooltest.Call) {
	return map[string]func(*pooltest.Call){
		"release": (*pooltest.Call).Release,
		"discard": (*pooltest.Call).Discard,
	}
}

func onlyTheFirstEndCounts(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(2))
	b.Auto(pooltest.Exclusive())
	for _, again := range ends() {
		c := b.Acquire()
		c.Release()
		again(c)
		s := b.Pool.Stats()
		assert.Equal(t, [...]int{1, 1, 0}, [...]int{s.Open, s.Idle, s.Leases})
	}
	for _, again := range ends() {
		c := b.Acquire()
		c.Discard()
		again(c)
		s := b.Pool.Stats()
		assert.Equal(t, [...]int{0, 0}, [...]int{s.Open, s.Leases})
	}
	for _, again := range ends() {
		c := b.Acquire()
		c.Hijack()
		again(c)
		s := b.Pool.Stats()
		assert.Equal(t, [...]int{0, 0}, [...]int{s.Open, s.Leases})
		assert.Equal(t, pooltest.Hijacked, c.Resource().State())
	}
	assert.EqualValues(t, 2, b.Pool.Stats().Closes.Total())
	assert.EqualValues(t, 2, b.Pool.Stats().Hijacks)
}

func oldLeaseDoesNotEndTheNext(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(1))
	b.Auto(pooltest.Exclusive())
	old := b.Acquire()
	old.Release()
	next, waiter := b.Acquire(), b.Acquire()
	for _, end := range ends() {
		end(old)
		assert.False(t, waiter.Returned())
	}
	assert.Panics(t, func() { old.Lease().Hijack() })
	assert.Same(t, next.Resource(), next.Lease().Value())
	next.Release()
	assert.True(t, waiter.Out())
}

func useAfterTheEnd(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(1))
	b.Auto(pooltest.Exclusive())
	c := b.Acquire()
	assert.Equal(t, pool.LeaseInfo{Uses: 1}, c.Lease().Info())
	c.Release()
	assert.Panics(t, func() { c.Lease().Value() })
	assert.Panics(t, func() { c.Lease().Hijack() })
	assert.Zero(t, c.Lease().Info())
}

func doReleases(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(1))
	b.Auto(pooltest.Exclusive())
	errOwn := errors.New("own")
	assert.Equal(t, errOwn, b.Pool.Do(t.Context(), func(l lease) error {
		assert.Equal(t, 1, l.Value().ID)
		assert.Equal(t, 1, b.Pool.Stats().InUse)
		return errOwn
	}))
	assert.NoError(t, b.Pool.Do(t.Context(), func(l lease) error {
		assert.Equal(t, 1, l.Value().ID, "an error of f does not speak against the resource")
		return nil
	}))
	assert.Equal(t, 1, b.Pool.Stats().Idle)
}

func doFailsAsAcquireDoes(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	never := func(lease) error { t.Error("called without a lease"); return nil }
	assert.ErrorIs(t, b.Pool.Do(ctx, never), context.Canceled)
}

func doDiscardsOnPanic(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(1))
	b.Auto(pooltest.Exclusive())
	assert.PanicsWithValue(t, "own", func() {
		_ = b.Pool.Do(t.Context(), func(lease) error { panic("own") })
	})
	synctest.Wait()
	assert.Equal(t, pooltest.Closed, b.Resource(1).State())
	assert.True(t, b.Acquire().Out(), "its slot is free")
}

func doDiscardsOnGoexit(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(1))
	b.Auto(pooltest.Exclusive())
	go func() {
		_ = b.Pool.Do(t.Context(), func(lease) error { runtime.Goexit(); return nil })
	}()
	synctest.Wait()
	assert.Equal(t, pooltest.Closed, b.Resource(1).State())
	assert.Zero(t, b.Pool.Stats().Leases)
}

func endInsideDoWins(t *testing.T, k kind) {
	b := k.bench(t, maxOpen(1))
	b.Auto(pooltest.Exclusive())
	assert.NoError(t, b.Pool.Do(t.Context(), func(l lease) error { l.Discard(nil); return nil }))
	synctest.Wait()
	assert.Equal(t, pooltest.Closed, b.Resource(1).State())

	var r *resource
	assert.PanicsWithValue(t, "own", func() {
		_ = b.Pool.Do(t.Context(), func(l lease) error { r = l.Hijack(); panic("own") })
	})
	synctest.Wait()
	assert.Equal(t, pooltest.Open, r.State(), "it is the caller's")
	r.Leave()
	s := b.Pool.Stats()
	assert.EqualValues(t, 1, s.Hijacks)
	assert.Zero(t, s.Open+s.Leases)
}
