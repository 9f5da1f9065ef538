package keyed_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

const stormKeys = 16

// A storm is two keyed pools on one Budget, and many who do as they like with
// them. Their things count themselves where the peer would count them.
type storm struct {
	t      *testing.T
	budget *pool.Budget
	pools  [2]*keyed.Pool[int, *unitOfStorm]

	perKey, total int64 // caps. 0: not checked
	open          [2][stormKeys]atomic.Int32
	sum           atomic.Int32
	made, ended   atomic.Int32 // by Close or Hijack
	failing       bool         // some dials fail, hang or panic
}

// unitOfStorm is a resource with an owner word: the leases out on it.
type unitOfStorm struct {
	pool, key int
	capacity  atomic.Int32
	leases    atomic.Int32
	closed    atomic.Bool
	changed   func()
}

func newStorm(t *testing.T, b pool.BudgetLimits, cfg keyed.Config[int, *unitOfStorm]) *storm {
	s := &storm{t: t, budget: newBudget(t, b), perKey: int64(cfg.MaxOpenPerKey), total: int64(b.MaxOpen)}
	cfg.Budget = s.budget
	cfg.Close = s.close
	for i := range s.pools {
		cfg.Dial = func(ctx context.Context, key int) (*unitOfStorm, error) { return s.dial(ctx, i, key) }
		p, err := keyed.New(cfg)
		require.NoError(t, err)
		s.pools[i] = p
	}
	return s
}

// dial checks the caps where a peer would feel them passed (I1).
func (s *storm) dial(ctx context.Context, i, key int) (*unitOfStorm, error) {
	n, sum := s.open[i][key].Inc(), s.sum.Inc()
	if s.perKey > 0 && int64(n) > s.perKey || s.total > 0 && int64(sum) > s.total {
		s.t.Errorf("%d open of key %d, and %d in total", n, key, sum)
	}
	if s.failing {
		switch rand.IntN(20) {
		case 0:
			s.leave(i, key)
			return nil, errDial
		case 1:
			s.leave(i, key)
			panic(errDial)
		case 2:
			<-ctx.Done() // nobody wants it, or DialTimeout
			s.leave(i, key)
			return nil, ctx.Err()
		case 3, 4:
			runtime.Gosched()
		}
	}
	s.made.Inc()
	u := &unitOfStorm{pool: i, key: key}
	u.capacity.Store(int32(1 + rand.IntN(3)))
	return u, nil
}

func (s *storm) leave(i, key int) {
	s.open[i][key].Dec()
	s.sum.Dec()
}

func (s *storm) close(u *unitOfStorm) error {
	if u.closed.Swap(true) {
		s.t.Error("closed twice")
	}
	s.ended.Inc()
	s.leave(u.pool, u.key)
	return nil
}

// sharing makes the things shareable, with a capacity that changes.
func sharing(cfg keyed.Config[int, *unitOfStorm]) keyed.Config[int, *unitOfStorm] {
	cfg.Capacity = func(u *unitOfStorm) int { return int(u.capacity.Load()) }
	cfg.Watch = func(u *unitOfStorm, changed func()) { u.changed = changed }
	return cfg
}

// use holds a lease for a moment and ends it in one of the ways there are.
func (s *storm) use(random *rand.Rand, l pool.Lease[*unitOfStorm]) {
	u := l.Value()
	if n := u.leases.Inc(); u.changed == nil && n != 1 {
		s.t.Errorf("%d owners of an exclusive thing", n)
	}
	for range random.IntN(3) {
		runtime.Gosched()
	}
	if u.changed != nil && random.IntN(6) == 0 {
		u.capacity.Store([]int32{0, 1, 2, 3, pool.Draining, pool.Dead}[random.IntN(6)])
		u.changed()
	}
	n := u.leases.Dec()
	switch random.IntN(12) {
	case 0:
		l.Discard(errBroken)
	case 1:
		if u.changed == nil && n == 0 { // of a shareable one others may have leases
			s.leave(u.pool, u.key)
			s.ended.Inc()
			l.Hijack()
		}
	}
	l.Release()
}

// work acquires and uses, and gives up at times.
func (s *storm) work(random *rand.Rand, rounds int) {
	for range rounds {
		p, key := s.pools[random.IntN(2)], int(random.ExpFloat64()*4)%stormKeys
		ctx, cancel := context.WithCancel(context.Background())
		if random.IntN(3) == 0 {
			go cancel() // somewhere on the way
		}
		if random.IntN(4) == 0 {
			ctx, cancel = context.WithTimeout(ctx, time.Duration(random.IntN(1_000)))
		}
		req := pool.Request{Fresh: random.IntN(20) == 0}
		if l, err := p.AcquireWith(ctx, key, req); err == nil {
			s.use(random, l)
		} else if !expected(err) {
			s.t.Errorf("unexpected error: %v", err)
		}
		if l, ok := p.TryAcquire(key); ok {
			s.use(random, l)
		}
		cancel()
	}
}

func expected(err error) bool {
	var failure *pool.DialError
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		errors.As(err, &failure) || errors.Is(err, pool.ErrWaitLimit)
}

// run lets many work at the same time, with disturb beside them, and checks that
// all of it is given back.
func (s *storm) run(workers, rounds int, disturb func(random *rand.Rand)) {
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() { s.work(rand.New(rand.NewPCG(uint64(w), 3)), rounds) }) //nolint:gosec // small
	}
	stop := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		random := rand.New(rand.NewPCG(99, 3))
		for {
			select {
			case <-stop:
				return
			default:
				disturb(random)
				if random.IntN(10) > 0 {
					runtime.Gosched()
				} else {
					<-time.After(5 * time.Microsecond) // the bubble's time moves on only if all let it
				}
			}
		}
	}()
	wg.Wait()
	close(stop)
	<-stopped
	s.finish()
}

func (s *storm) finish() {
	for _, p := range s.pools {
		require.NoError(s.t, p.Shutdown(context.Background()))
	}
	synctest.Wait()
	for _, p := range s.pools {
		assertNothingLeft(s.t, p)
	}
	b := s.budget.Stats()
	assert.Zero(s.t, b.Open+b.Idle+b.Waiting, "left in the Budget: %+v", b)
	assert.Equal(s.t, s.made.Load(), s.ended.Load())
	assert.Zero(s.t, s.sum.Load())
}

// In each of these the Budget is small for its keys, so nearly every call waits,
// evicts and makes way.
func TestStormPassesNoCapAndLosesNothing(t *testing.T) {
	exclusive := keyed.Config[int, *unitOfStorm]{
		MaxOpenPerKey: 2, MaxIdlePerKey: 2, DialTimeout: 10 * time.Microsecond, MaxIdleTime: time.Microsecond,
	}
	for _, tt := range []struct {
		name   string
		budget pool.BudgetLimits
		cfg    keyed.Config[int, *unitOfStorm]
	}{
		{"exclusive", pool.BudgetLimits{MaxOpen: 5}, exclusive},
		{"exclusive, total of one", pool.BudgetLimits{MaxOpen: 1}, exclusive},
		{"shareable", pool.BudgetLimits{MaxOpen: 5}, sharing(exclusive)},
		{"every limit", pool.BudgetLimits{MaxOpen: 6, MaxIdle: 2, MaxDials: 2, Affinity: 3}, sharing(exclusive)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := newStorm(t, tt.budget, tt.cfg)
				s.failing = true
				s.run(24, 120, func(*rand.Rand) {
					b := s.budget.Stats()
					if b.Open > tt.budget.MaxOpen {
						t.Errorf("%d open by the Budget's count", b.Open)
					}
					s.pools[0].Stats()
				})
			})
		})
	}
}

// Everything that may change at run time changes all the time.
func TestStormOfChangesLosesNothing(t *testing.T) {
	cfg := keyed.Config[int, *unitOfStorm]{
		MaxWaitersPerKey: 6, MaxWaiters: 20, DialTimeout: 10 * time.Microsecond, MaxIdleTime: time.Microsecond,
		Shared: func(key int) int { return key % 3 },
	}
	bubble(t, func(t *testing.T) {
		s := newStorm(t, pool.BudgetLimits{MaxOpen: 5}, sharing(cfg))
		s.failing, s.total = true, 0
		s.run(24, 200, func(random *rand.Rand) {
			p, key := s.pools[random.IntN(2)], random.IntN(stormKeys)
			switch random.IntN(8) {
			case 0:
				assert.NoError(t, p.SetLimits(key, pool.Limits{MaxOpen: random.IntN(3), MaxIdle: random.IntN(3) - 1, MaxDials: random.IntN(2)}))
			case 1:
				assert.NoError(t, p.SetTotals(keyed.Totals{MaxWaiters: random.IntN(30)}))
			case 2:
				assert.NoError(t, s.budget.SetLimits(pool.BudgetLimits{
					MaxOpen: random.IntN(8), MaxIdle: random.IntN(4), MaxDials: random.IntN(3), Affinity: random.IntN(3),
				}))
			case 3:
				p.CloseIdle()
			case 4:
				p.Reset()
			case 5:
				p.ResetKey(key)
			default:
				for range p.All() {
					runtime.Gosched()
				}
			}
		})
	})
}

// A round of calls, cancels and ends at the same time, then silence: nobody waits
// who could be served (I2). So it goes on, with what the round before has left.
func TestNobodyStarvesWhenTheStormIsQuiet(t *testing.T) {
	for name, change := range map[string]func(keyed.Config[int, *unitOfStorm]) keyed.Config[int, *unitOfStorm]{
		"exclusive": func(cfg keyed.Config[int, *unitOfStorm]) keyed.Config[int, *unitOfStorm] { return cfg },
		"shareable": sharing,
	} {
		for seed := range uint64(4) {
			t.Run(fmt.Sprint(name, " ", seed), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					random := rand.New(rand.NewPCG(seed, 5))
					s := newStorm(t, pool.BudgetLimits{MaxOpen: 2 + random.IntN(6), MaxDials: random.IntN(3), Affinity: random.IntN(2)},
						change(keyed.Config[int, *unitOfStorm]{MaxOpenPerKey: 1 + random.IntN(3)}))
					q := &quietly{storm: s, random: random, shared: name == "shareable"}
					for range 60 {
						q.round()
						q.check()
					}
					q.finish()
				})
			})
		}
	}
}

// quietly plays rounds of a storm with silence between them.
type quietly struct {
	*storm
	random *rand.Rand
	shared bool // things may be idle with a capacity of 0

	mu     sync.Mutex
	leases []pool.Lease[*unitOfStorm]
	cancel []context.CancelFunc
}

// round starts calls and ends others, all at once, and waits until all is quiet.
func (q *quietly) round() {
	q.mu.Lock()
	leases, cancel := q.leases, q.cancel
	keepLeases, keepCalls := q.random.IntN(len(leases)+1), q.random.IntN(len(cancel)+1)
	q.leases, q.cancel = leases[:keepLeases:keepLeases], cancel[:keepCalls:keepCalls]
	q.mu.Unlock()
	for _, f := range cancel[keepCalls:] {
		go f()
	}
	for _, l := range leases[keepLeases:] {
		go q.use(rand.New(rand.NewPCG(q.random.Uint64(), 1)), l)
	}
	for range q.random.IntN(20) {
		p, key := q.pools[q.random.IntN(2)], q.random.IntN(stormKeys)
		ctx, f := context.WithCancel(context.Background())
		q.mu.Lock()
		q.cancel = append(q.cancel, f)
		q.mu.Unlock()
		go func() {
			l, err := p.Acquire(ctx, key)
			if err != nil {
				assert.True(q.t, expected(err), "%v", err)
				return
			}
			q.mu.Lock()
			defer q.mu.Unlock()
			q.leases = append(q.leases, l)
		}()
	}
	synctest.Wait()
}

func (q *quietly) check() {
	b := q.budget.Stats()
	full := b.Open == b.MaxOpen && b.Idle == 0
	open, idle := 0, 0
	for _, p := range q.pools {
		for key, s := range p.All() {
			open += s.Open + s.Dialing + s.Closing
			idle += s.Idle
			if s.Waiting > 0 && s.Open+s.Dialing+s.Closing < s.MaxOpen {
				require.True(q.t, full, "key %d waits beside %+v: %+v", key, b, s)
			}
			if s.Waiting > 0 && !q.shared {
				require.Zero(q.t, s.Idle, "key %d waits beside its own: %+v", key, s)
			}
			require.LessOrEqual(q.t, s.Open, s.MaxOpen)
		}
	}
	require.Equal(q.t, open, b.Open, "the Budget counts what its pools have")
	require.Equal(q.t, idle, b.Idle)
}

func (q *quietly) finish() {
	for _, f := range q.cancel {
		f()
	}
	synctest.Wait()
	for _, l := range q.leases {
		l.Release()
	}
	q.storm.finish()
}
