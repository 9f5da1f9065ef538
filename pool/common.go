package pool

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/berth-go/berth/internal/alarm"
	"github.com/berth-go/berth/internal/chain"
	"github.com/berth-go/berth/internal/crew"
	"github.com/berth-go/berth/internal/part"
	"github.com/berth-go/berth/waitq"
)

// common is what the pools of all keys of a keyed pool have in common, and what
// never changes: there may be a million of them, and one of this.
type common[R any] struct {
	tickets atomic.Uint64  // the last one given, without a Budget: of the one pool then
	last    *atomic.Uint64 // that, or the Budget's

	recycles bool // a Release runs Recycle
	takes    bool // an Acquire runs Take

	cfg   Config[R]
	lends lends     // of what a lane may be
	start time.Time // 0 of moments and of the lane's time; before anything happens
	crew  *crew.Crew
	clock *alarm.Clock
	total *part.Total // nil: the pool stands alone

	spares waitq.Spares[Lease[R]] // of the keys' queues
	none   seldom[R]              // of pools that have nothing of that; never changed
}

// seldom is what few pools have at a time, and many a pool never. It may be read at
// any time; who changes it calls ownLocked before.
type seldom[R any] struct {
	deadlines deadlines[R]
	looks     *looks[R]          // nil: no Capacity has to be read again
	probes    *probes[R]         // nil: nothing is being checked in the background
	warmers   chain.List[warmer] // calls of Warm, by how many they want: the last one the most
	done      chan struct{}      // closed when finished is set. nil: nobody waits for that

	outage      *outage       // nil: the last dial did not fail
	news        news          // of the breaker
	wilt        *wilt         // nil: no resource has gone unused
	setbackDial uint64        // the number of the last dial that had begun at the last setback
	leaseMean   time.Duration // of recent leases, with ShedLate
	sampled     uint64        // leases asked about by watch

	choosy choosy
	heirs  chain.List[slot[R]] // whose lifetime is about to end and who wait for their successor
	shares chain.List[slot[R]] // shareable ones that are not to go
	roomy  roomHeap[R]         // of the shares, those that can take a lease
	joined uint64              // shareable ones so far
}

// newCommon checks a Config and fills in its defaults.
func newCommon[R any](cfg Config[R]) (*common[R], error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	cfg.setDefaults()
	c := &common[R]{cfg: cfg, lends: cfg.lends(), recycles: cfg.Recycle != nil, takes: cfg.Take != nil, start: time.Now().Add(-1)}
	c.last = &c.tickets
	c.tickets.Store(1) // 0 is no place, and a caller served at once has the last one given
	if cfg.Budget != nil {
		c.last = &cfg.Budget.tickets
	}
	return c, nil
}

func (p *Pool[R]) init(c *common[R], pt part.Part[R], l *Limits) {
	p.common, p.part = c, pt
	p.mu.limits = l
	p.mu.shared = 1
	p.mu.seldom = &c.none
	if c.cfg.Overlap > 0 || c.cfg.Capacity != nil || c.cfg.Shareable != nil || c.cfg.ShedLate != ShedOff {
		p.ownLocked() // it will be needed
	}
	p.learnLocked(c.cfg.Shared)
	p.mu.wasQuiet = true
	if c.cfg.Budget != nil {
		p.member = &p.as
		p.member.join(c.cfg.Budget, p)
	}
}

// ownLocked gives the pool a seldom of its own.
func (p *Pool[R]) ownLocked() {
	if p.mu.seldom == &p.none {
		p.mu.seldom = &seldom[R]{}
	}
}

// dial calls Dial.
func (p *Pool[R]) dial(ctx context.Context) (R, error) {
	if p.part != nil {
		return p.part.Dial(ctx)
	}
	return p.cfg.Dial(ctx)
}

// limiter returns what holds up the dials, or nil.
func (p *Pool[R]) limiter() Limiter {
	if p.part != nil {
		return p.part.Limiter()
	}
	return p.cfg.DialRate
}

// key returns what errors and events call the pool.
func (p *Pool[R]) key() any {
	if p.part == nil {
		return nil
	}
	return p.part.Key()
}
