package index_test

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"

	"github.com/berth-go/berth/internal/index"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// put adds a key whose Node is apart from what belongs to it.
func put[K comparable](x *index.Index[K, int], key K, v *int) {
	n := new(index.Node[K, int])
	n.Set(key, v)
	x.Put(n)
}

// A long random run against a Go map, growing and shrinking by thousands.
func TestIndexAgreesWithAMap(t *testing.T) {
	x, want := index.New[string, int](), map[string]*int{}
	rng := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same numbers each time
	for step := range 60_000 {
		key := strconv.Itoa(rng.IntN(8_000))
		shrinking := step/10_000%2 == 1
		if want[key] == nil && (!shrinking || rng.IntN(8) == 0) {
			v := new(int)
			put(x, key, v)
			want[key] = v
		} else if shrinking || rng.IntN(8) == 0 {
			x.Delete(key)
			delete(want, key)
		}
		if rng.IntN(16) == 0 {
			x.Heat(key)
		}
		other := strconv.Itoa(rng.IntN(8_000))
		require.Same(t, want[key], x.Get(key))
		require.Same(t, want[other], x.Get(other))
		require.Equal(t, len(want), x.Len())
	}
	n := 0
	for key, v := range x.All() {
		assert.Same(t, want[key], v)
		n++
	}
	assert.Len(t, want, n)
	for key := range want {
		x.Delete(key)
	}
	assert.Zero(t, x.Len())
	for range x.All() {
		t.Fatal("nothing is left")
	}
}

func TestOneKeyIsHot(t *testing.T) {
	x, v := index.New[int, int](), new(int)
	x.Heat(1)
	assert.False(t, x.Hot(1), "it is not there")
	put(x, 1, v)
	put(x, 2, new(int))
	x.Heat(1)
	assert.True(t, x.Hot(1))
	assert.False(t, x.Hot(2))
	assert.Same(t, v, x.Get(1))
	x.Delete(2)
	assert.True(t, x.Hot(1))
	x.Delete(1)
	assert.False(t, x.Hot(1))
	assert.Nil(t, x.Get(1))
}

func TestAllEndsWithItsLoop(t *testing.T) {
	x := index.New[int, int]()
	for i := range 100 {
		put(x, i, new(int))
	}
	n := 0
	for range x.All() {
		if n++; n == 3 {
			break
		}
	}
	assert.Equal(t, 3, n)
}

// Readers find a key that stays, whatever comes and goes around it.
func TestReadersFindWhatStays(t *testing.T) {
	x, stays := index.New[int, int](), new(int)
	put(x, -1, stays)
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					assert.Same(t, stays, x.Get(-1))
				}
			}
		})
	}
	for range 3 {
		for i := range 20_000 {
			put(x, i, new(int))
		}
		for i := range 20_000 {
			x.Delete(i)
		}
	}
	close(done)
	wg.Wait()
}
