package keyed_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// small is a resource of the least size that is a piece of memory of its own.
type small [2]uint64

func newSmall(t *testing.T, cfg keyed.Config[uint64, *small]) *keyed.Pool[uint64, *small] {
	t.Helper()
	cfg.Dial = func(context.Context, uint64) (*small, error) { return new(small), nil }
	p, err := keyed.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Shutdown(context.Background())) })
	return p
}

// heapNow returns the bytes that are reachable.
func heapNow() int64 {
	runtime.GC()
	runtime.GC() // what a sync.Pool lets go of in the first
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc) //nolint:gosec // no heap is that large
}

// A key that nobody uses costs its resource, and at most 1 KiB for everything else:
// its pool, its slot, its place in the map and in the Budget.
func TestQuietKeyTakesOneKiB(t *testing.T) {
	skipUnderRace(t)
	const (
		keys  = 20_000
		bound = 1 << 10
	)
	p := newSmall(t, keyed.Config[uint64, *small]{MaxOpenPerKey: 2, MaxOpen: 2 * keys})
	before := heapNow()
	for key := range uint64(keys) {
		l, err := p.Acquire(t.Context(), key)
		require.NoError(t, err)
		l.Release()
	}
	const resource = 16
	perKey := (heapNow()-before)/keys - resource
	assert.LessOrEqual(t, perKey, int64(bound), "bytes per key beside its resource")
	assert.EqualValues(t, keys, p.Stats().Idle, "and each key is still there")
}

// Keys that come and go leave nothing behind, however many there have been.
func TestHeapDoesNotGrowWithKeysThatAreGone(t *testing.T) {
	skipUnderRace(t)
	const (
		waves = 8
		width = 12_500 // keys in a wave, none of which comes again
		slack = 1 << 20
	)
	for name, tt := range map[string]struct {
		cfg  keyed.Config[uint64, *small]
		kept int // keys that remain, at most
	}{
		"because nothing is kept":          {cfg: keyed.Config[uint64, *small]{MaxIdlePerKey: -1}},
		"because others need their slots":  {cfg: keyed.Config[uint64, *small]{MaxOpen: 500}, kept: 500},
		"because few idle ones are wanted": {cfg: keyed.Config[uint64, *small]{MaxIdle: 500}, kept: 500},
	} {
		t.Run(name, func(t *testing.T) {
			p := newSmall(t, tt.cfg)
			var first int64
			for wave := range uint64(waves) {
				passKeys(t, p, wave*width, width)
				if wave == 0 {
					first = heapNow()
				}
			}
			assert.LessOrEqual(t, heapNow(), first+slack)
			assert.EqualValues(t, waves*width, p.Stats().Dials, "each key had a resource")
			assert.LessOrEqual(t, countKeys(p), tt.kept)
		})
	}
}

// passKeys uses n keys once, a hundred of them at a time.
func passKeys(t *testing.T, p *keyed.Pool[uint64, *small], from uint64, n int) {
	t.Helper()
	const together = 100
	var held []pool.Lease[*small]
	for key := range uint64(n) {
		l, err := p.Acquire(t.Context(), from+key)
		require.NoError(t, err)
		if held = append(held, l); len(held) == together {
			for _, l := range held {
				l.Release()
			}
			held = held[:0]
		}
	}
	require.Empty(t, held, "n is a multiple")
}

func countKeys(p *keyed.Pool[uint64, *small]) int {
	n := 0
	for range p.All() {
		n++
	}
	return n
}
