package berth_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/internal/pooltest"
	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

// keys is how many keys a fuzzed keyed pool has.
const keys = 3

// FuzzKeyed carries out a sequence of operations on a keyed pool and checks after
// each what must hold of the keys together. What a key does by itself is compared
// with the model by FuzzPool.
func FuzzKeyed(f *testing.F) {
	for _, seed := range keyedSeeds() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) >= keyedConfigBytes {
			synctest.Test(t, func(t *testing.T) { runKeyed(t, data) })
		}
	})
}

// TestKeyedSequencesKeepTheRules is FuzzKeyed for everyday; see
// TestSequencesAgreeWithTheModel.
func TestKeyedSequencesKeepTheRules(t *testing.T) {
	for seed := range uint64(150) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			data := drawKeyed(rand.New(rand.NewPCG(seed, 1)), 60) //nolint:gosec // tests want the same numbers again
			synctest.Test(t, func(t *testing.T) { runKeyed(t, data) })
		})
	}
}

// runKeyed carries out the sequence that data says, in a bubble.
func runKeyed(t *testing.T, data []byte) {
	r := newKeyedRig(t, data[:keyedConfigBytes])
	ops := data[keyedConfigBytes:]
	for op := range slices.Chunk(ops[:min(len(ops), 2*longestSequence)], 2) {
		if len(op) == 2 {
			r.step(keyedOperation(op[0]%byte(kopCount)), op[1])
		}
	}
}

// keyedConfigBytes is how many bytes configure a keyed pool.
const keyedConfigBytes = 11

// keyedRig is a keyed pool on a bench. Its calls say with their context which key
// they are for.
type keyedRig struct {
	*pooltest.Bench
	t      *testing.T
	pool   *keyed.Pool[int, *resource]
	shared [keys]*atomic.Int32 // what dials of a key are expected to bring
	cfg    keyed.Config[int, *resource]
	limits [keys]pool.Limits
	totals keyed.Totals

	exclusive bool  // all resources are
	keyOf     []int // of the calls
	newest    int   // the call that the present step makes; -1: none
	tryKey    int   // for the next TryAcquire
	stubborn  bool
	hold      bool
	log       []string

	closing   [keys]bool   // ShutdownKey was called for the key, and something is left
	shutdowns []shutdown   // calls of ShutdownKey that have not been seen to return
	parted    map[int]bool // calls whose leases, on dead resources, have outlived their key
}

// shutdown is a call of ShutdownKey that runs aside.
type shutdown struct {
	key  int
	call *pooltest.Aside
}

type keyOfCall struct{}

func newKeyedRig(t *testing.T, b []byte) *keyedRig {
	r := &keyedRig{t: t, exclusive: b[0]%2 == 0, parted: map[int]bool{}}
	r.totals = keyed.Totals{MaxOpen: int(b[1] % 6), MaxIdle: int(b[2] % 4), MaxWaiters: int(b[3]%6) - 1, MaxDials: int(b[4] % 4)}
	per := pool.Limits{MaxOpen: int(b[5] % 4), MaxIdle: int(b[6]%4) - 1, MaxWaiters: int(b[7]%5) - 1, MaxDials: int(b[8] % 3)}
	for k := range keys {
		r.limits[k] = per
		r.shared[k] = atomic.NewInt32(1)
		if !r.exclusive {
			r.shared[k].Store(int32(1 + b[9]%3))
		}
	}
	r.cfg = keyed.Config[int, *resource]{
		MaxOpen: r.totals.MaxOpen, MaxIdle: r.totals.MaxIdle, MaxWaiters: r.totals.MaxWaiters, MaxDials: r.totals.MaxDials,
		MaxOpenPerKey: per.MaxOpen, MaxIdlePerKey: per.MaxIdle, MaxWaitersPerKey: per.MaxWaiters, MaxDialsPerKey: per.MaxDials,
		Shared: func(k int) int { return int(r.shared[k].Load()) },
	}
	if b[10]&1 != 0 {
		r.cfg.MaxIdleTime = 5*time.Millisecond + 250
	}
	if b[10]&2 != 0 {
		r.cfg.WaitTimeout = 9*time.Millisecond + 500
	}
	if b[10]&4 != 0 {
		r.cfg.DialTimeout = 7*time.Millisecond + 60
	}
	if b[10]&128 != 0 {
		r.cfg.RedialAfter = 3*time.Millisecond + 130
	}
	if b[10]&8 != 0 {
		r.cfg.Affinity = 2
	}
	r.cfg.MaxUses = uint64(b[10] / 16 % 4)
	if b[10]&64 != 0 {
		r.cfg.MaxLifetime = 11*time.Millisecond + 311
	}
	r.Bench = pooltest.NewBench(t, r.open, pooltest.ShareableConfig)
	r.tellPeer()
	return r
}

func (r *keyedRig) open(p *pooltest.Peer, c config) pooltest.Pool {
	r.cfg.Dial = func(ctx context.Context, k int) (*resource, error) {
		s, err := p.DialKey(ctx, k)
		// A pool learns nothing from a dial that it has given up, so neither do we.
		if err == nil && ctx.Err() == nil && !s.Kind().Shareable {
			r.shared[k].Store(1)
		}
		return s, err
	}
	r.cfg.Close, r.cfg.Capacity, r.cfg.Shareable, r.cfg.Expect, r.cfg.Watch = c.Close, c.Capacity, c.Shareable, c.Expect, c.Watch
	var err error
	r.pool, err = keyed.New(r.cfg)
	require.NoError(r.t, err)
	return manyKeys{r.pool, r}
}

// tellPeer tells the peer which limits hold.
func (r *keyedRig) tellPeer() {
	for k, l := range r.limits {
		r.Limit(k, l)
	}
	r.LimitTotal(pool.Limits{MaxOpen: r.totals.MaxOpen, MaxIdle: r.totals.MaxIdle, MaxWaiters: r.totals.MaxWaiters, MaxDials: r.totals.MaxDials})
}

// manyKeys is a keyed pool as a bench sees it.
type manyKeys struct {
	*keyed.Pool[int, *resource]
	rig *keyedRig
}

func (m manyKeys) AcquireWith(ctx context.Context, r pool.Request) (lease, error) {
	return m.Pool.AcquireWith(ctx, ctx.Value(keyOfCall{}).(int), r) //nolint:forcetypeassert // the rig sets it
}

func (m manyKeys) TryAcquire() (lease, bool) { return m.Pool.TryAcquire(m.rig.tryKey) }

func (m manyKeys) Do(context.Context, func(lease) error) error { panic("not used here") }

func (m manyKeys) Warm(context.Context, int) error { panic("not used here") }

func (m manyKeys) Retire(func(*resource) bool) { panic("not used here") }

func (m manyKeys) SetLimits(pool.Limits) error { panic("not used here") }

// step carries out one operation and checks the rules.
func (r *keyedRig) step(op keyedOperation, arg byte) {
	time.Sleep(time.Microsecond)
	r.log = append(r.log, op.describe(arg))
	before := r.look()
	r.newest = -1
	r.do(op, arg)
	synctest.Wait()
	r.check(before, r.look(), op)
}

// drawKeyed draws a config and n operations.
func drawKeyed(rng *rand.Rand, n int) []byte {
	data := make([]byte, 0, keyedConfigBytes+2*n)
	for range keyedConfigBytes {
		data = append(data, byte(rng.UintN(256)))
	}
	often := []keyedOperation{
		kopAcquire, kopAcquire, kopAcquire, kopAcquire, kopRelease, kopRelease, kopRelease,
		kopDialOK, kopDialOK, kopDialOK, kopDialOK, kopCancel, kopDialFails, kopDiscard, kopCapacity,
	}
	for range n {
		op := keyedOperation(rng.UintN(uint(kopCount)))
		if rng.UintN(4) > 0 {
			op = often[rng.IntN(len(often))]
		}
		data = append(data, byte(op), byte(rng.UintN(256)))
	}
	return data
}
