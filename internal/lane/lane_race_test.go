package lane_test

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/berth-go/berth/internal/lane"
	"github.com/berth-go/berth/internal/turn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// window is the moment of I4 between a releaser and whoever closes the lane, as
// steps that can come in any order.
type window struct {
	lane *lane.Lane
	open bool
	end  func() bool // lets the seat rest

	noticed bool // by the releaser, that the lane is closed
	found   bool // by the one who closed it, what rests
}

type step func(*window)

var (
	rest  step = func(w *window) { w.end() }
	look  step = func(w *window) { w.noticed = !w.open }
	shut  step = func(w *window) { w.open = false }
	sweep step = func(w *window) {
		for _, s := range w.lane.Seats() {
			_, ok := s.Turn.ReclaimResting()
			w.found = w.found || ok
		}
	}
)

// newWindow returns one whose seat is out; settling says that its lease ends in two
// halves, of which the first has been.
func newWindow(t *testing.T, empty func() *lane.Lane, settling bool) *window {
	w := &window{lane: empty(), open: true}
	put(w.lane, 1)
	s, lease := taken(t, w.lane)
	w.end = func() bool { return w.lane.Rest(s, lease) }
	if settling {
		require.True(t, w.lane.Settle(s, lease))
		w.end = func() bool { return w.lane.Settled(s, lease) }
	}
	return w
}

// merges returns every order of all steps that keeps the order of a and that of b.
func merges(a, b []step) [][]step {
	if len(a) == 0 || len(b) == 0 {
		return [][]step{append(append([]step{}, a...), b...)}
	}
	var all [][]step
	for _, m := range merges(a[1:], b) {
		all = append(all, append([]step{a[0]}, m...))
	}
	for _, m := range merges(a, b[1:]) {
		all = append(all, append([]step{b[0]}, m...))
	}
	return all
}

// A releaser lets its seat rest and then looks; whoever closes the lane marks it
// closed and then sweeps. In every order one of the two sees the seat (I4), and with
// either pair turned around there is one in which nobody does.
func TestWhoeverComesSecondSeesWhatRests(t *testing.T) {
	for name, empty := range kinds {
		for _, settling := range []bool{false, true} {
			lost := func(releaser, closer []step) (n int) {
				for _, order := range merges(releaser, closer) {
					w := newWindow(t, empty, settling)
					for _, do := range order {
						do(w)
					}
					n += b(!w.noticed && !w.found)
				}
				return n
			}
			require.Len(t, merges([]step{rest, look}, []step{shut, sweep}), 6)
			assert.Zero(t, lost([]step{rest, look}, []step{shut, sweep}), name)
			assert.Positive(t, lost([]step{look, rest}, []step{shut, sweep}), name)
			assert.Positive(t, lost([]step{rest, look}, []step{sweep, shut}), name)
			assert.Positive(t, lost([]step{rest}, []step{shut, sweep}), name)
		}
	}
}

// A yard is the least pool that a lane can have.
type yard struct {
	t     *testing.T
	open  atomic.Pointer[lane.Lane]
	seats map[*lane.Seat]*load

	mu    sync.Mutex
	lane  *lane.Lane
	now   time.Duration
	empty []func() *lane.Lane
	idle  []*lane.Seat
}

// A load is what one seat leads to.
type load struct {
	lent   bool         // under the lock
	begun  int          // written by whoever has it, without a lock: the race detector watches
	held   atomic.Int32 // holders
	number uint64       // of the last lease
}

func newYard(t *testing.T, n int) *yard {
	y := &yard{t: t, seats: map[*lane.Seat]*load{}, empty: []func() *lane.Lane{lane.New, lane.NewSpread, lane.NewShared}}
	for range n {
		s := &lane.Seat{}
		y.seats[s] = &load{}
		y.idle = append(y.idle, s)
	}
	y.lane = lane.New()
	return y
}

// lock closes the lane and takes back what rests.
func (y *yard) lock() {
	y.mu.Lock()
	y.open.Store(nil)
	for _, s := range y.lane.Seats() {
		if _, ok := s.Turn.ReclaimResting(); ok {
			y.takeBack(s)
			y.idle = append(y.idle, s)
		}
	}
}

func (y *yard) takeBack(s *lane.Seat) {
	y.seats[s].lent = false
	y.lane.Drop(s)
}

// unlock lends some of what is idle.
func (y *yard) unlock() {
	for len(y.idle) > 0 && rand.IntN(8) > 0 {
		s := y.idle[len(y.idle)-1]
		y.idle = y.idle[:len(y.idle)-1]
		y.seats[s].lent = true
		y.lane.Put(s, uint64(1+rand.IntN(20))) //nolint:gosec // not secrecy
	}
	y.open.Store(y.lane)
	y.mu.Unlock()
}

// meddle is a tick, a reset, or another lane.
func (y *yard) meddle() {
	y.lock()
	defer y.unlock()
	switch rand.IntN(4) {
	case 0:
		y.renew()
	case 1, 2:
		for s, l := range y.seats {
			if l.lent {
				if s.Turn.Reclaim().State() == turn.Resting {
					y.idle = append(y.idle, s)
				}
				y.takeBack(s)
			}
		}
		y.lane = y.empty[rand.IntN(len(y.empty))]()
		y.lane.Open(y.now)
	}
}

// renew is a tick that takes nothing back.
func (y *yard) renew() {
	y.now++
	y.lane.SetNow(y.now)
	for _, s := range y.lane.Seats() {
		if t := s.Turn.Load(); t.State() == turn.Resting {
			y.lane.Renew(s, t, uint64(1+rand.IntN(20))) //nolint:gosec // not secrecy
		} else {
			s.Mark()
		}
	}
}

func (y *yard) take() (*lane.Seat, turn.Turn) {
	if ln := y.open.Load(); ln != nil {
		if s, lease := ln.Take(); s != nil {
			return s, lease
		}
	}
	y.lock()
	defer y.unlock()
	if len(y.idle) == 0 {
		return nil, 0
	}
	s := y.idle[0]
	y.idle = y.idle[1:]
	return s, s.Turn.Load()
}

func (y *yard) release(s *lane.Seat, lease turn.Turn) {
	ln := y.open.Load()
	ended := false
	switch {
	case ln == nil:
	case rand.IntN(2) == 0:
		ended = ln.Rest(s, lease)
	default:
		if ended = ln.Settle(s, lease); ended && !ln.Settled(s, lease) {
			y.giveBack(s)
			return
		}
	}
	switch {
	case ended:
		if y.open.Load() == nil {
			y.lock() // the second half of I4
			y.unlock()
		}
	case assert.True(y.t, s.Turn.End(lease.Number())):
		y.giveBack(s)
	}
}

// giveBack is the end of a lease under the lock.
func (y *yard) giveBack(s *lane.Seat) {
	if y.returned(s) {
		return
	}
	y.lock()
	defer y.unlock()
	if y.seats[s].lent {
		y.takeBack(s)
	}
	y.idle = append(y.idle, s)
}

// returned is the end of a lease under the lock, of a seat that stays in the lane if
// that is open.
func (y *yard) returned(s *lane.Seat) bool {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.open.Load() == nil || !y.seats[s].lent {
		return false
	}
	y.lane.Return(s, uint64(1+rand.IntN(20))) //nolint:gosec // not secrecy
	return true
}

// Many take and release, by lanes that close, change and shrink under their hands:
// each seat has one holder at a time, no lease is lost or ended twice, and at last
// nothing rests where nobody looks.
func TestSeatsHaveOneHolderEachInAStorm(t *testing.T) {
	const crowd, rounds = 8, 3000
	for _, n := range []int{2, lane.Max} {
		y := newYard(t, n)
		done := make(chan struct{})
		var users, others sync.WaitGroup
		others.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					y.meddle()
					y.mu.Lock()
					y.renew() // beside the callers, who go on
					y.mu.Unlock()
					runtime.Gosched()
				}
			}
		})
		var leases atomic.Int64
		for range crowd {
			users.Go(func() {
				for range rounds {
					s, lease := y.take()
					if s == nil {
						runtime.Gosched()
						continue
					}
					leases.Add(1)
					l := y.seats[s]
					assert.EqualValues(t, 1, l.held.Add(1), "two holders")
					assert.True(t, l.begun == 0 || lease.Number() > l.number, "a number comes again")
					l.begun, l.number = l.begun+1, lease.Number()
					if rand.IntN(32) == 0 {
						runtime.Gosched()
					}
					l.held.Add(-1)
					y.release(s, lease)
				}
			})
		}
		users.Wait()
		close(done)
		others.Wait()
		for s := range y.seats {
			assert.False(t, s.Turn.Load().State() == turn.Resting && y.open.Load() == nil, "it rests beside a closed lane (I4)")
		}
		y.lock()
		assert.Len(t, y.idle, n, "one is lost")
		var begun int64
		for s, l := range y.seats {
			assert.EqualValues(t, l.begun, s.Turn.Load().Number(), "each lease ends once")
			begun += int64(l.begun)
		}
		assert.Equal(t, leases.Load(), begun)
		y.mu.Unlock()
	}
}

// Half of the seats are taken out of the lane while others look for one, who may have
// begun when the lane was wider. Half of them rest at any time, so hardly anybody is
// turned away.
func TestTakeWhileTheLaneShrinks(t *testing.T) {
	const crowd, rounds = 4, 2000
	for name, empty := range kinds {
		l := empty()
		seats := put(l, lane.Max)
		var wg sync.WaitGroup
		var found atomic.Int64
		for range crowd {
			wg.Go(func() {
				for range rounds {
					if s, lease := l.Take(); s != nil {
						found.Add(1)
						assert.True(t, l.Rest(s, lease))
						l.Forget() // or it would be a jam
					}
				}
			})
		}
		for _, s := range seats[lane.Max/2:] {
			for {
				if _, ok := s.Turn.ReclaimResting(); ok {
					break
				}
				runtime.Gosched()
			}
			l.Drop(s)
		}
		wg.Wait()
		assert.Greater(t, found.Load(), int64(crowd*rounds*9/10), name)
		left := map[*lane.Seat]bool{}
		for _, s := range l.Seats() {
			left[s] = true
			assert.Equal(t, turn.Resting, s.Turn.Load().State())
		}
		assert.Len(t, left, lane.Max/2)
	}
}
