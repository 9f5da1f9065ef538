package berth_test

import (
	"testing"

	"github.com/berth-go/berth/internal/pooltest"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// kindBehaviors are about pools that learn only from a dial whether a resource is
// exclusive or shareable, and may hold both.
func kindBehaviors() []behavior {
	return []behavior{
		{name: "a dial that brings an exclusive resource starts the missing dials", test: exclusiveInsteadOfShareable},
		{name: "a dial that brings a shareable resource serves all it can", test: shareableInsteadOfExclusive},
		{name: "what a resource is about to carry starts no dials", test: expectedCapacity},
		{name: "both kinds live in one pool", test: bothKinds},
		{name: "an exclusive resource without capacity is handed to nobody", test: exclusiveWithoutCapacity, except: map[string]string{
			kindTotals: "a Budget closes what is idle for a waiter who cannot use it",
		}},
		{name: "a resource that is dead on arrival counts as a failed dial", test: deadOnArrival},
		{name: "a resource that ends before it has had capacity counts as a failed dial", test: neverOpened},
	}
}

func exclusiveInsteadOfShareable(t *testing.T, k kind) {
	b := k.bench(t, shareable(4, 100))
	var calls []*pooltest.Call
	for range 6 {
		calls = append(calls, b.Acquire())
	}
	require.Equal(t, 1, b.Started())
	b.Succeed(pooltest.Exclusive())
	assert.True(t, calls[0].Out())
	assert.Equal(t, 4, b.Started(), "as many as there are slots")
	b.Succeed(pooltest.Shareable(100)) // now it is this kind again
	for _, c := range calls[1:] {
		assert.Equal(t, 2, c.Resource().ID)
	}
}

func shareableInsteadOfExclusive(t *testing.T, k kind) {
	b := k.bench(t, shareable(8, 1))
	calls := []*pooltest.Call{b.Acquire(), b.Acquire(), b.Acquire()}
	require.Equal(t, 3, b.Started())
	b.Succeed(pooltest.Shareable(5))
	assert.Equal(t, []int{1, 1, 1}, ids(calls...))
	b.Succeed(pooltest.Shareable(5))
	b.Succeed(pooltest.Shareable(5))
	assert.Equal(t, []int{1, 1, 2}, ids(b.Acquire(), b.Acquire(), b.Acquire()))
	assert.Equal(t, 3, b.Started())
}

func expectedCapacity(t *testing.T, k kind) {
	b := k.bench(t, shareable(8, 100))
	var calls []*pooltest.Call
	for range 5 {
		calls = append(calls, b.Acquire())
	}
	r := b.Succeed(pooltest.Kind{Shareable: true, Capacity: 1, Expect: 4})
	assert.True(t, calls[0].Out())
	assert.False(t, calls[1].Returned())
	assert.Equal(t, 2, b.Started(), "three more will have room on it, and the fifth has a dial")
	b.SetCapacity(r, 4)
	assert.Equal(t, []int{1, 1, 1, 1}, ids(calls[:4]...))
	b.Succeed(pooltest.Shareable(4))
	assert.Equal(t, 2, calls[4].Resource().ID)
}

func bothKinds(t *testing.T, k kind) {
	b := k.bench(t, shareable(2, 1))
	first, second := b.Acquire(), b.Acquire()
	exclusive, shared := b.Succeed(pooltest.Exclusive()), b.Succeed(pooltest.Shareable(2))
	assert.Same(t, exclusive, first.Resource())
	assert.Same(t, shared, second.Resource())
	third, fourth, fifth := b.Acquire(), b.Acquire(), b.Acquire()
	assert.Same(t, shared, third.Resource())
	first.Release()
	assert.Same(t, exclusive, fourth.Resource())
	third.Release()
	assert.Same(t, shared, fifth.Resource())
}

func exclusiveWithoutCapacity(t *testing.T, k kind) {
	b := k.bench(t, shareable(1, 1))
	b.Auto(pooltest.Exclusive())
	first := b.Acquire()
	b.SetCapacity(b.Resource(1), 0)
	first.Release()
	assert.Nil(t, b.TryAcquire())
	waiter := b.Acquire()
	require.False(t, waiter.Returned())
	assert.Equal(t, 1, b.Pool.Stats().Idle)
	b.SetCapacity(b.Resource(1), 1)
	require.True(t, waiter.Out())
	b.SetCapacity(b.Resource(1), pool.Draining)
	assert.Equal(t, pooltest.Open, b.Resource(1).State())
	waiter.Release()
	assert.Equal(t, pooltest.Closed, b.Resource(1).State())
}

func deadOnArrival(t *testing.T, k kind) {
	for _, capacity := range []int{pool.Dead, pool.Draining} {
		b := k.bench(t, shareable(1, 1))
		first, second := b.Acquire(), b.Acquire()
		r := b.Succeed(pooltest.Kind{Shareable: true, Capacity: capacity})
		var e *pool.DialError
		require.ErrorAs(t, first.Err(), &e)
		assert.Equal(t, pooltest.Closed, r.State())
		require.False(t, second.Returned())
		b.Succeed(pooltest.Shareable(1))
		assert.True(t, second.Out())
	}
}

func neverOpened(t *testing.T, k kind) {
	for _, capacity := range []int{pool.Dead, pool.Draining} {
		b := k.bench(t, shareable(1, 2))
		first, second, third := b.Acquire(), b.Acquire(), b.Acquire()
		r := b.Succeed(pooltest.Kind{Shareable: true, Expect: 2})
		require.False(t, first.Returned())
		b.SetExpect(r, capacity, 0)
		for _, c := range []*pooltest.Call{first, second} {
			var e *pool.DialError
			require.ErrorAs(t, c.Err(), &e)
		}
		assert.Equal(t, pooltest.Closed, r.State())
		require.False(t, third.Returned())
		b.Succeed(pooltest.Shareable(1))
		assert.True(t, third.Out())
	}
}
