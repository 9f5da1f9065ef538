package keyed_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/require"
)

// FuzzSchedule plays events against a pool and against the rules, and compares
// after each: who has been served and with what, what is idle, what was closed.
// Each byte of the input decides one thing.
func FuzzSchedule(f *testing.F) {
	f.Add([]byte("0123456789abcdefghijklmnopqrstuvwxyz"))
	for seed := range uint64(30) {
		f.Add(randomBytes(seed, 300))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		bubble(t, func(t *testing.T) { play(t, data) })
	})
}

func TestRandomSchedulesFollowTheRules(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bubble(t, func(t *testing.T) { play(t, randomBytes(seed+1_000, 300)) })
		})
	}
}

func randomBytes(seed uint64, n int) []byte {
	random := rand.New(rand.NewPCG(seed, 7))
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(random.IntN(256)) //nolint:gosec // below 256
	}
	return data
}

// A player holds both sides of a schedule.
type player struct {
	t    *testing.T
	data []byte // what is left of it
	r    *rig
	m    *rules
	keys []string

	real  []*call // calls that wait, or hold a lease
	model []*want
	seen  map[*thing]bool
	log   []string
}

// next returns a number below n that the input decides.
func (p *player) next(n int) int {
	if len(p.data) == 0 {
		return 0
	}
	b := p.data[0]
	p.data = p.data[1:]
	return int(b) % n
}

func play(t *testing.T, data []byte) {
	p := &player{t: t, data: data[:min(len(data), 1_000)], keys: []string{"a", "b", "c", "d", "e"}, seen: map[*thing]bool{}}
	p.keys = p.keys[:2+p.next(4)]
	perKey, total := p.next(4), p.next(5)
	p.m = &rules{perKey: map[string]int{}, total: total, idleOf: p.next(3), idles: p.next(4), open: map[string]int{}}
	p.r = newRig(t, config{MaxOpenPerKey: perKey, MaxOpen: total, MaxIdlePerKey: p.m.idleOf, MaxIdle: p.m.idles})
	for _, key := range p.keys {
		p.m.perKey[key] = perKey
	}
	p.log = append(p.log, fmt.Sprintf("caps %d %d, idle %d %d", perKey, total, p.m.idleOf, p.m.idles))
	for len(p.data) > 0 {
		pass(11 * time.Millisecond) // who was used last of several keys is known to 10 ms
		p.step()
		p.compare()
	}
}

func (p *player) step() {
	key := p.keys[p.next(len(p.keys))]
	switch op := p.next(16); {
	case op < 6:
		p.note("acquire", key)
		p.real = append(p.real, p.r.acquire(key))
		p.model = append(p.model, p.m.acquire(key))
	case op < 12 && len(p.real) > 0:
		p.end(p.next(len(p.real)), op)
	case op == 12:
		p.try(key)
	case op == 13:
		p.note("close idle", "")
		p.r.CloseIdle()
		p.m.closeIdle(func(*unit) bool { return true })
	case op == 14:
		p.m.perKey[key] = p.next(4)
		p.note("limit", key, p.m.perKey[key])
		p.r.caps.set(0, 0)
		limit := p.m.perKey[key]
		if limit == 0 {
			limit = pool.NoLimit
		}
		require.NoError(p.t, p.r.SetLimits(key, pool.Limits{MaxOpen: limit}))
		p.m.settle()
	default:
		p.m.total = p.next(6)
		p.note("total", "", p.m.total)
		p.r.caps.set(0, 0)
		require.NoError(p.t, p.r.SetTotals(keyed.Totals{MaxOpen: p.m.total, MaxIdle: p.m.idles}))
		p.m.settle()
	}
}

// end ends a lease, or the wait for one.
func (p *player) end(i, op int) {
	c, w := p.real[i], p.model[i]
	p.real = append(p.real[:i], p.real[i+1:]...)
	p.model = append(p.model[:i], p.model[i+1:]...)
	switch {
	case w.got == nil:
		p.note("leave", w.key)
		c.leave()
		p.m.leave(w)
	case op == 10:
		p.note("discard", w.key)
		c.discard()
		p.m.end(w.got)
	case op == 11:
		p.note("hijack", w.key)
		c.hijack()
		p.m.end(w.got)
	default:
		p.note("release", w.key)
		c.release()
		p.m.release(w.got)
	}
}

func (p *player) try(key string) {
	p.note("try", key)
	l, ok := p.r.TryAcquire(key)
	u := p.m.tryAcquire(key)
	require.Equal(p.t, u != nil, ok, "TryAcquire after %v", p.log)
	if ok {
		p.same(u, l.Value())
		l.Release()
		p.m.release(u)
	}
}

// same checks that the pool has handed out what the rules have. Of several dials
// at once it does not matter which brings which thing.
func (p *player) same(u *unit, x *thing) {
	if u.thing == nil {
		require.NotContains(p.t, p.seen, x, "after %q", p.log)
		u.thing = x
		p.seen[x] = true
	}
	require.Same(p.t, u.thing, x, "the resource for a caller of %s, after %q", u.key, p.log)
}

func (p *player) note(op, key string, n ...int) {
	p.log = append(p.log, fmt.Sprint(op, " ", key, n))
}

// compare checks that both sides stand where the other does.
func (p *player) compare() {
	synctest.Wait()
	inUse := 0
	for i, c := range p.real {
		w := p.model[i]
		require.Equal(p.t, w.got != nil, c.ended(), "a caller of %s is served, after %q", w.key, p.log)
		if w.got != nil {
			require.NoError(p.t, c.err)
			p.same(w.got, c.lease.Value())
		}
	}
	for _, key := range p.keys {
		s, ok := p.r.StatsFor(key)
		waiting := 0
		for _, w := range p.m.waiting {
			if w.key == key {
				waiting++
			}
		}
		require.Equal(p.t, p.m.open[key], s.Open, "open of %s, after %q", key, p.log)
		require.Equal(p.t, p.m.countIdle(key), s.Idle, "idle of %s, after %q", key, p.log)
		require.Equal(p.t, waiting, s.Waiting, "waiting for %s, after %q", key, p.log)
		require.Zero(p.t, s.Dialing+s.Closing)
		if ok {
			inUse++
		}
		require.Equal(p.t, s.Open+s.Waiting > 0, ok, "%s is in use (I12), after %q", key, p.log)
	}
	s := p.r.Stats()
	require.Len(p.t, p.r.keys(), inUse)
	require.EqualValues(p.t, p.m.dials, s.Dials, "dials, after %q", p.log)
	require.EqualValues(p.t, p.m.closes, s.Closes.Total()+s.Hijacks, "ended, after %q", p.log)
}
