package lane_test

import (
	"math"
	"testing"
	"time"

	"github.com/berth-go/berth/internal/lane"
	"github.com/berth-go/berth/internal/turn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var kinds = map[string]func() *lane.Lane{"by stamp": lane.New, "spread": lane.NewSpread, "shared": lane.NewShared}

// put returns n seats that rest in a lane, the last of them most recently.
func put(l *lane.Lane, n int) []*lane.Seat {
	seats := make([]*lane.Seat, n)
	for i := range seats {
		seats[i] = &lane.Seat{}
		l.Put(seats[i], math.MaxUint64)
	}
	return seats
}

func taken(t *testing.T, l *lane.Lane) (*lane.Seat, turn.Turn) {
	t.Helper()
	s, lease := l.Take()
	require.NotNil(t, s, "nothing rests")
	require.Equal(t, turn.Out, s.Turn.Load().State())
	require.Equal(t, s.Turn.Load(), lease)
	return s, lease
}

// drop takes a seat back, as its pool does.
func drop(l *lane.Lane, s *lane.Seat) turn.Turn {
	t := s.Turn.Reclaim()
	l.Drop(s)
	return t
}

func TestTakeFindsEverySeatThatRestsAndNoOther(t *testing.T) {
	for name, empty := range kinds {
		t.Run(name, func(t *testing.T) {
			l := empty()
			s, _ := l.Take()
			require.Nil(t, s, "an empty lane")
			put(l, lane.Max)
			leases := map[*lane.Seat]turn.Turn{}
			for range lane.Max {
				s, lease := taken(t, l)
				assert.NotContains(t, leases, s, "it is out")
				leases[s] = lease
			}
			s, _ = l.Take()
			require.Nil(t, s, "all are out")
			for s, lease := range leases {
				require.True(t, l.Rest(s, lease))
				again, next := taken(t, l)
				require.Same(t, s, again, "the only one that rests")
				require.Equal(t, lease.Number()+1, next.Number())
			}
		})
	}
}

// Of many seats a caller looks at some, and with another salt at others.
func TestTakeLooksAtSomeOfMany(t *testing.T) {
	l := lane.NewShared()
	put(l, lane.Many)
	require.Len(t, l.Lent(), lane.Many)
	found := map[*lane.Seat]bool{}
	for range 100 {
		n := 0
		for s, _ := l.Take(); s != nil; s, _ = l.Take() {
			require.False(t, found[s], "it is out")
			found[s] = true
			n++
		}
		require.Less(t, n, lane.Many/2, "17, and 17 more when its stack has moved")
		l.SpreadAnew()
	}
	assert.Len(t, found, lane.Many, "in the end each of them")
}

func TestTakeFindsTheSeatThatRestedLast(t *testing.T) {
	for name, end := range map[string]func(*lane.Lane, *lane.Seat, turn.Turn) bool{
		"in one step": (*lane.Lane).Rest,
		"in two": func(l *lane.Lane, s *lane.Seat, lease turn.Turn) bool {
			return l.Settle(s, lease) && l.Settled(s, lease)
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := lane.New()
			seats := put(l, 3)
			for _, want := range []int{2, 1, 0} {
				s, _ := taken(t, l)
				assert.Same(t, seats[want], s)
			}
			for _, i := range []int{1, 2, 0} {
				require.True(t, end(l, seats[i], seats[i].Turn.Load()))
			}
			s, lease := taken(t, l)
			assert.Same(t, seats[0], s)
			require.True(t, end(l, s, lease)) // as the top it rests again without a new stamp
			for _, want := range []int{0, 2, 1} {
				s, _ := taken(t, l)
				assert.Same(t, seats[want], s)
			}
		})
	}
}

// Stamps begin again at 0 after some ten thousand rests; the order does not.
func TestOrderOutlivesTheEndOfTheStamps(t *testing.T) {
	assert.True(t, lane.NewerStamp(0, turn.StampMask))
	assert.True(t, lane.NewerStamp(3, turn.StampMask-3))
	assert.False(t, lane.NewerStamp(turn.StampMask, 0))
	assert.False(t, lane.NewerStamp(7, 7))

	l := lane.New()
	seats := put(l, 3)
	for range 3 {
		taken(t, l)
	}
	order := []int{0, 1, 2}
	wraps := 0
	for round := range uint64(turn.StampMask / 2) {
		before := seats[0].Turn.Load().Stamp()
		l.Forget() // or it would be a jam
		for _, i := range order {
			require.Equal(t, round, seats[i].Turn.Load().Number())
			require.True(t, l.Rest(seats[i], seats[i].Turn.Load()))
		}
		wraps += b(seats[0].Turn.Load().Stamp() < before)
		for n := range order {
			s, _ := taken(t, l)
			require.Same(t, seats[order[2-n]], s, "round %d", round)
		}
		order = []int{order[1], order[2], order[0]}
	}
	assert.Positive(t, wraps)
}

func b(is bool) int {
	if is {
		return 1
	}
	return 0
}

func TestLeaseEndsOnce(t *testing.T) {
	for name, empty := range kinds {
		t.Run(name, func(t *testing.T) {
			l := empty()
			put(l, 1)
			s, lease := taken(t, l)
			assert.False(t, l.Rest(s, turn.First(lease.Number()+1).Taken()), "none that is to come")
			require.True(t, l.Rest(s, lease))
			assert.False(t, l.Rest(s, lease))
			assert.False(t, l.Settle(s, lease))

			s, next := taken(t, l)
			assert.False(t, l.Rest(s, lease), "a copy of the lease before")
			assert.False(t, l.Settle(s, lease), "a copy of the lease before")
			assert.False(t, s.Turn.End(lease.Number()))
			require.True(t, l.Settle(s, next))
			assert.False(t, l.Rest(s, next))
			assert.False(t, l.Settle(s, next))
			none, _ := l.Take()
			assert.Nil(t, none, "what settles is nobody's yet")
			require.True(t, l.Settled(s, next))
			assert.False(t, l.Settled(s, next))
			taken(t, l)
		})
	}
}

// A second end of a lease changes nothing, not even which seat is found next.
func TestSecondEndChangesNoOrder(t *testing.T) {
	for name, again := range map[string]func(*lane.Lane, *lane.Seat, turn.Turn) bool{
		"Rest":    (*lane.Lane).Rest,
		"Settle":  (*lane.Lane).Settle,
		"Settled": (*lane.Lane).Settled,
	} {
		l := lane.New()
		put(l, 2)
		a, ofA := taken(t, l)
		b, ofB := taken(t, l)
		require.True(t, l.Settle(b, ofB))
		require.True(t, l.Settled(b, ofB))
		require.True(t, l.Rest(a, ofA)) // the last one to rest
		assert.False(t, again(l, b, ofB), name)
		s, _ := taken(t, l)
		assert.Same(t, a, s, name)
	}
}

// What has to end under the lock does nothing here.
func TestLeasesThatMustEndUnderTheLock(t *testing.T) {
	for name, empty := range kinds {
		refused := func(t *testing.T, l *lane.Lane, s *lane.Seat, lease turn.Turn) {
			t.Helper()
			before := s.Turn.Load()
			assert.False(t, l.Rest(s, lease))
			assert.False(t, l.Settle(s, lease))
			assert.Equal(t, before, s.Turn.Load())
			require.True(t, s.Turn.End(lease.Number()))
		}
		t.Run(name+"/began under the lock", func(t *testing.T) {
			l := empty()
			put(l, 1)
			s, _ := taken(t, l)
			s.Turn.Reclaim()
			refused(t, l, s, s.Turn.Load())
		})
		t.Run(name+"/marked", func(t *testing.T) {
			l := empty()
			l.Open(time.Second)
			put(l, 1)
			s, lease := taken(t, l)
			s.Mark()
			l.SetNow(2 * time.Second)
			assert.Equal(t, time.Second, s.Began())
			refused(t, l, s, lease)
			l.Return(s, math.MaxUint64)
			assert.Equal(t, 2*time.Second, s.Began())
			s, lease = taken(t, l)
			assert.True(t, l.Rest(s, lease))
		})
		t.Run(name+"/the one after that which was to be marked", func(t *testing.T) {
			l := empty()
			put(l, 1)
			s, lease := taken(t, l)
			require.True(t, l.Rest(s, lease))
			s.Mark()
			_, lease = taken(t, l)
			refused(t, l, s, lease)
		})
		t.Run(name+"/the last one since it was renewed", func(t *testing.T) {
			l := empty()
			put(l, 1)
			s, lease := taken(t, l)
			require.True(t, l.Rest(s, lease))
			before := s.Turn.Load()
			_, lease = taken(t, l)
			require.True(t, l.Rest(s, lease)) // between the look and the renewal
			l.SetNow(time.Second)
			l.Renew(s, before, 3)
			assert.Equal(t, time.Second, s.Began())
			_, lease = taken(t, l)
			require.True(t, l.Rest(s, lease))
			_, lease = taken(t, l)
			refused(t, l, s, lease)
		})
		t.Run(name+"/the last one", func(t *testing.T) {
			l, s := empty(), &lane.Seat{}
			for n := range uint64(3) { // those before its time in the lane do not count
				require.True(t, s.Turn.End(n))
			}
			l.Put(s, 2)
			_, lease := taken(t, l)
			require.True(t, l.Rest(s, lease))
			_, lease = taken(t, l)
			refused(t, l, s, lease)
		})
		for _, leases := range []uint64{math.MaxUint64, turn.MaxNumber, 1 << 50} {
			t.Run(name+"/none, if it is as good as never", func(t *testing.T) {
				l, s := empty(), &lane.Seat{}
				for n := range uint64(3) {
					require.True(t, s.Turn.End(n))
				}
				l.Put(s, leases)
				for range 3 {
					_, lease := taken(t, l)
					require.True(t, l.Rest(s, lease))
				}
			})
		}
		t.Run(name+"/reclaimed", func(t *testing.T) {
			l := empty()
			put(l, 1)
			s, lease := taken(t, l)
			drop(l, s)
			refused(t, l, s, lease)
		})
		t.Run(name+"/reclaimed while it settles", func(t *testing.T) {
			l := empty()
			put(l, 1)
			s, lease := taken(t, l)
			require.True(t, l.Settle(s, lease))
			drop(l, s)
			assert.False(t, l.Settled(s, lease))
			assert.Equal(t, turn.Held, s.Turn.Load().State())
		})
		t.Run(name+"/begun under the lock", func(t *testing.T) {
			refused(t, empty(), &lane.Seat{}, 0)
		})
	}
}

// Whoever has the lane from before, when its seats went to another one, takes and
// ends nothing that is out there; what rests there it may have.
func TestStaleLaneDoesNoHarm(t *testing.T) {
	for name, empty := range kinds {
		t.Run(name, func(t *testing.T) {
			old, now := empty(), lane.New()
			old.Open(time.Second)
			put(old, 1)
			s, lease := taken(t, old)
			drop(old, s)
			none, _ := old.Take()
			assert.Nil(t, none)
			assert.False(t, old.Rest(s, lease))
			require.True(t, s.Turn.End(lease.Number()))

			now.Open(2 * time.Second)
			now.Put(s, math.MaxUint64)
			none, _ = old.Take()
			assert.Nil(t, none)
			_, next := taken(t, now)
			assert.False(t, old.Rest(s, lease))
			assert.True(t, old.Rest(s, next), "it rests where it is now")
			none, _ = old.Take()
			assert.Nil(t, none)
			again, _ := taken(t, now)
			assert.Same(t, s, again)
		})
	}
}

func TestDropLeavesTheOthersWhereTheyAre(t *testing.T) {
	for name, empty := range kinds {
		t.Run(name, func(t *testing.T) {
			l := empty()
			seats := put(l, 4)
			at := func() (at []int, those []*lane.Seat) {
				for i, s := range l.Seats() {
					at, those = append(at, i), append(those, s)
				}
				return at, those
			}
			drop(l, seats[1])
			drop(l, seats[3])
			where, those := at()
			assert.Equal(t, []int{0, 2}, where)
			assert.Equal(t, []*lane.Seat{seats[0], seats[2]}, those)
			assert.ElementsMatch(t, those, l.Lent())
			l.Put(seats[3], math.MaxUint64)
			where, those = at()
			assert.Equal(t, []int{0, 1, 2}, where, "a free place is filled first")
			assert.ElementsMatch(t, those, l.Lent())
			for _, i := range []int{0, 2, 3} {
				drop(l, seats[i])
			}
			where, _ = at()
			assert.Empty(t, where)
			assert.Empty(t, l.Lent())
			s, _ := l.Take()
			assert.Nil(t, s)
			for range l.Seats() { // and a look that is broken off goes no further
				assert.Fail(t, "there is none")
			}
		})
	}
}

func TestLessIdleCountsResources(t *testing.T) {
	for name, tt := range map[string]struct {
		empty         func() *lane.Lane
		listed, alone bool
		want          [3]int // with so many of two out
	}{
		"exclusive":                   {lane.New, false, true, [3]int{0, 1, 2}},
		"spread":                      {lane.NewSpread, false, true, [3]int{0, 1, 2}},
		"shared, was idle":            {lane.NewShared, true, true, [3]int{0, 1, 1}},
		"shared, was in use":          {lane.NewShared, false, true, [3]int{-1, 0, 0}},
		"shared, is in use elsewhere": {lane.NewShared, false, false, [3]int{0, 0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			l := tt.empty()
			l.SetListed(tt.listed)
			l.SetAlone(tt.alone)
			put(l, 2)
			assert.Equal(t, tt.want[0], l.LessIdle())
			s, lease := taken(t, l)
			assert.Equal(t, tt.want[1], l.LessIdle())
			taken(t, l)
			assert.Equal(t, tt.want[2], l.LessIdle())
			require.True(t, l.Settle(s, lease))
			assert.Equal(t, tt.want[2], l.LessIdle(), "what settles is in use")
			assert.Equal(t, tt.listed || !l.Shared(), l.Listed())
		})
	}
}

// Stamps wrap around, so a lane that is never opened anew says when it must be.
func TestLaneIsWornBeforeItsStampsWrapAround(t *testing.T) {
	l := lane.New()
	for lap := range 5 { // from wherever the stamps are by then
		l.Open(0)
		seats := put(l, 2)
		assert.False(t, l.Worn())
		if lap == 4 {
			for range 3 * turn.StampMask / 2 { // more than all the stamps there are
				l.Forget()
				taken(t, l)
				taken(t, l)
				for _, s := range seats {
					require.True(t, l.Rest(s, s.Turn.Load()))
				}
			}
			require.True(t, l.Worn())
		}
		for i := range uint32(turn.StampMask) {
			require.Less(t, i, uint32(turn.StampMask/2), "what was used now is older than what was used never")
			if l.Worn() {
				break
			}
			l.Forget()
			taken(t, l)
			taken(t, l)
			a, b := seats[0].Turn.Load(), seats[1].Turn.Load()
			require.True(t, l.Rest(seats[i%2], []turn.Turn{a, b}[i%2]))
			require.True(t, l.Rest(seats[1-i%2], []turn.Turn{b, a}[i%2]))
		}
		for _, s := range seats {
			drop(l, s)
		}
	}
}

// The steps that the compiler puts in place do what Take, Rest and Settled do in the common
// case, and else nothing: of a seat that did not rest last, the stamp has to change.
func TestStepsOfTheCommonCase(t *testing.T) {
	for name, empty := range kinds {
		for _, settling := range []bool{false, true} {
			l := empty()
			seats := put(l, 2)
			a, ofA := taken(t, l)
			if !l.Spread() {
				assert.Same(t, seats[1], l.Top(), name)
			} else {
				assert.Contains(t, seats, l.Spot(), name)
			}
			b, ofB := taken(t, l)
			end := l.RestsAgain
			if settling {
				require.True(t, l.Settle(a, ofA) && l.Settle(b, ofB))
				end = l.SettledAgain
			}
			require.True(t, end(a, ofA), name)
			assert.False(t, end(a, ofA), name)
			assert.Equal(t, l.Spread(), end(b, ofB), name)
			if !l.Spread() {
				require.True(t, settling && l.Settled(b, ofB) || l.Rest(b, ofB))
				assert.Same(t, b, l.Top(), "it has a newer stamp")
			}
			again, lease := taken(t, l)
			again.Mark()
			assert.False(t, l.RestsAgain(again, lease), "it must end under the lock")
		}
	}
}

// In a jam nobody looks any further, so the next one to have the lock does something.
// Where callers spread there is nothing more to do at once.
func TestNobodyGoesOnInAJam(t *testing.T) {
	for name, empty := range kinds {
		l := empty()
		put(l, lane.Max)
		s, lease := taken(t, l)
		for range 16 * lane.ManyClashes / lane.LostSwap {
			l.Clash(lane.LostSwap)
		}
		assert.Equal(t, !l.Spread(), l.Jammed(), name)
		assert.True(t, l.Crowded(), name)
		other, _ := l.Take()
		assert.Equal(t, l.Spread(), other != nil, "the one at hand is out, and in a jam others are not looked for")
		require.True(t, l.Rest(s, lease))
		taken(t, l)
		l.Forget()
		assert.False(t, l.Jammed() || l.Crowded())
		taken(t, l)
	}
}

func TestCrowdedCountsClashes(t *testing.T) {
	l := lane.New()
	assert.False(t, l.Crowded())
	l.Clash(lane.ManyClashes - 1)
	assert.False(t, l.Crowded())
	l.Forget()
	l.Clash(1)
	assert.False(t, l.Crowded(), "those of the tick before are forgotten")
	l.Clash(lane.ManyClashes)
	assert.True(t, l.Crowded())
	l.Forget()
	assert.False(t, l.Crowded())

	put(l, 1) // the one at hand is out: a small clash each time
	taken(t, l)
	for range lane.ManyClashes {
		l.Take()
	}
	assert.True(t, l.Crowded())
}

// One goroutine finds the same seat again, and after SpreadAnew perhaps another.
func TestGoroutineFindsItsSeatAgain(t *testing.T) {
	for name, empty := range kinds {
		t.Run(name, func(t *testing.T) {
			l := empty()
			put(l, lane.Max)
			assert.Equal(t, name != "by stamp", l.Spread())
			assert.Equal(t, name == "shared", l.Shared())
			found, same := map[*lane.Seat]bool{}, 0
			for range 64 {
				s, lease := taken(t, l)
				require.True(t, l.Rest(s, lease))
				again, lease := taken(t, l)
				same += b(s == again)
				require.True(t, l.Rest(again, lease))
				found[s] = true
				l.SpreadAnew()
			}
			assert.Greater(t, same, 48, "but for when its stack has moved")
			if l.Spread() {
				assert.Greater(t, len(found), lane.Max/2)
			} else {
				assert.Len(t, found, 1)
			}
		})
	}
}
