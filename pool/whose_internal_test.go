package pool

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/berth-go/berth/waitq"
	"github.com/stretchr/testify/require"
)

// Whom a failed dial is for is the same whether all older dials are weighed one by one, or
// together where together they can do without nobody.
func TestOlderDialsAreWeighedAsOneByOne(t *testing.T) {
	together, each := 0, 0
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // to be repeatable
		p, d := madeUpQueue(t, r)
		var those []waitq.Entry
		p.waiters.Each(func(e waitq.Entry) bool {
			those = append(those, e)
			return true
		})
		p.mu.Lock()
		isFor, older := p.isForLocked(d), p.olderOneByOneLocked(d)
		if len(older) > 1 {
			if len(p.olderLocked(d)) == 1 {
				together++
			} else {
				each++
			}
		}
		for i, e := range those {
			want := p.arrivalOf(e) <= d.newest && older.take(p.firstFor(e, older))
			require.Equal(t, want, isFor(e), "seed %d, waiter %d of %d", seed, i, len(those))
		}
		p.mu.Unlock()
	}
	require.Greater(t, together, 50, "else nothing was tested")
	require.Greater(t, each, 50, "else nothing was tested")
}

// madeUpQueue returns a pool with waiters and dials of all kinds, and one that has failed.
func madeUpQueue(t *testing.T, r *rand.Rand) (*Pool[int], *dial[int]) {
	t.Helper()
	p, err := New(Config[int]{Dial: numbered(), RedialAfter: time.Minute, LowLag: 5})
	require.NoError(t, err)
	var newest Ticket
	var number uint64
	dials := make([]*dial[int], 1+r.IntN(6))
	for i := range dials {
		newest += Ticket(r.IntN(5)) //nolint:gosec // not negative
		number += 1 + r.Uint64N(3)
		d := &dial[int]{slot: &slot[int]{number: number}, newest: newest, expected: 1 + r.IntN(3), started: time.Now()}
		if r.IntN(4) == 0 {
			d.newest = 0
		}
		if r.IntN(2) == 0 {
			d.started = d.started.Add(-time.Hour)
		}
		p.mu.dials.Push(&d.link, d)
		dials[i] = d
	}
	p.last.Store(uint64(newest) + 3)
	for range r.IntN(16) {
		a := attempt[int]{p: p, place: Ticket(1 + r.IntN(int(newest)+3)), fresh: r.IntN(5) == 0, firstDial: 1 + r.Uint64N(number+1)} //nolint:gosec // small
		tag := a.tagOf()
		if r.IntN(6) == 0 {
			a.place += p.lag()
			tag |= 1
		}
		p.waiters.EnqueueAt(t.Context(), uint64(a.place), tag)
	}
	d := dials[r.IntN(len(dials))]
	p.mu.dials.Remove(&d.link)
	d.expected++ // that of a dial for one, if it is not late, is for anybody
	return p, d
}
