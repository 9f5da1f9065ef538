package pool

import (
	"context"
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
	cfg   Config[R]
	lends lends     // of what a lane may be
	start time.Time // 0 of moments and of the lane's time; before anything happens
	crew  *crew.Crew
	clock *alarm.Clock
	total *part.Total // nil: the pool stands alone

	spares waitq.Spares[Lease[R]] // of the keys' queues
	none   lists[R]               // of pools that need no lists; never changed
}

// lists are those of resources that are shareable, or have a successor.
type lists[R any] struct {
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
	return &common[R]{cfg: cfg, lends: cfg.lends(), start: time.Now().Add(-1)}, nil
}

// New returns a pool that is ready for use and starts nothing yet. The error
// names the field that is wrong.
func New[R any](cfg Config[R]) (*Pool[R], error) {
	c, err := newCommon(cfg)
	if err != nil {
		return nil, err
	}
	c.crew, c.clock = crew.New(maxClosers), alarm.New()
	p := &Pool[R]{}
	l := c.cfg.limits()
	p.init(c, nil, &l)
	return p, nil
}

// NewParts returns the func that makes the pools of the keys of one keyed pool,
// each in the zero Pool that it is given, with limits that nobody changes any more. They share cfg, in which Dial, DialRate
// and the limits are those of the Part. It is for package keyed: its second
// parameter cannot be made outside this module.
func NewParts[R any](cfg Config[R], total *part.Total) (func(*Pool[R], part.Part[R], *Limits) error, error) {
	c, err := newCommon(cfg)
	if err != nil {
		return nil, err
	}
	c.crew, c.clock, c.total = total.Crew, total.Clock, total
	return func(p *Pool[R], pt part.Part[R], l *Limits) error {
		if err := l.validate(); err != nil {
			return err
		}
		p.waiters.Share(&c.spares)
		p.init(c, pt, l)
		return nil
	}, nil
}

func (p *Pool[R]) init(c *common[R], pt part.Part[R], l *Limits) {
	p.common, p.part = c, pt
	p.recycles, p.takes = c.cfg.Recycle != nil, c.cfg.Take != nil
	p.last = &p.tickets
	if c.cfg.Budget != nil {
		p.last = &c.cfg.Budget.tickets
	}
	p.mu.limits = l
	p.mu.shared = 1
	p.mu.lists = &c.none
	if c.cfg.Overlap > 0 || c.cfg.Capacity != nil || c.cfg.Shareable != nil {
		p.mu.lists = &lists[R]{}
	}
	p.learnLocked(c.cfg.Shared)
	p.tickets.Store(1) // 0 is no place, and a caller served at once has the last one given
	p.mu.wasQuiet = true
	if c.cfg.Budget != nil {
		p.member = &p.as
		p.member.join(c.cfg.Budget, p)
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

// Bare reports whether nothing of the pool is left. It is for package keyed.
func (p *Pool[R]) Bare(part.Access) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bareLocked()
}
