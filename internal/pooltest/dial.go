package pooltest

import (
	"cmp"
	"context"
	"errors"
	"slices"
)

// A Dial is a call of Dial in flight.
type Dial struct {
	Ctx    context.Context
	Step   int // in which it began
	Number int // counts the dials of the peer, from 1
	Key    int

	peer     *Peer
	reset    int
	stubborn bool
	ended    chan ending // has room for the one end
}

type ending struct {
	r   *Resource
	err error
}

// Canceled reports whether the pool does not want the dial any more.
func (d *Dial) Canceled() bool { return d.Ctx.Err() != nil }

// Succeed makes the dial bring a resource, and returns it.
func (d *Dial) Succeed(k Kind) *Resource {
	p := d.peer
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.makeLocked(d, k)
	d.ended <- ending{r: r}
	return r
}

// Fail makes the dial fail.
func (d *Dial) Fail(err error) {
	p := d.peer
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.dials = slices.DeleteFunc(p.mu.dials, func(o *Dial) bool { return o == d })
	d.ended <- ending{err: err}
}

// makeLocked turns a dial into a resource.
func (p *Peer) makeLocked(d *Dial, k Kind) *Resource {
	p.mu.dials = slices.DeleteFunc(p.mu.dials, func(o *Dial) bool { return o == d })
	r := &Resource{ID: len(p.mu.resources) + 1, Reset: d.reset, Key: d.Key, peer: p}
	r.mu.kind, r.mu.state = k, Open
	p.mu.resources = append(p.mu.resources, r)
	return r
}

// DialKey is keyed.Config.Dial.
func (p *Peer) DialKey(ctx context.Context, key int) (*Resource, error) {
	p.lookIn()
	d, r := p.begin(ctx, key)
	if r != nil {
		return r, nil
	}
	select {
	case e := <-d.ended:
		return e.r, e.err
	case <-ctx.Done():
	}
	// A stubborn dial still ends at DialTimeout: that the pool cancels it later
	// would not show in its context.
	if d.stubborn && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		e := <-d.ended
		return e.r, e.err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.dials = slices.DeleteFunc(p.mu.dials, func(o *Dial) bool { return o == d })
	return nil, ctx.Err()
}

// begin counts a dial and checks that it may begin. In the automatic mode it is
// over already.
func (p *Peer) begin(ctx context.Context, key int) (*Dial, *Resource) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.started++
	d := &Dial{
		Ctx: ctx, Step: p.mu.step, Number: p.mu.started, Key: key,
		peer: p, reset: p.mu.resets + p.mu.keyResets[key], stubborn: p.mu.stubborn, ended: make(chan ending, 1),
	}
	p.mu.dials = append(p.mu.dials, d)
	p.checkCaps(key)
	if k := p.mu.auto; k != nil {
		return nil, p.makeLocked(d, *k)
	}
	return d, nil
}

// Dials returns the dials in flight: by the step in which they began, and within
// a step those that are canceled last. The pool cannot tell those of one step
// apart in any other way that shows, so equal pools give equal lists.
func (p *Peer) Dials() []*Dial {
	p.mu.Lock()
	all := slices.Clone(p.mu.dials)
	p.mu.Unlock()
	slices.SortStableFunc(all, func(a, b *Dial) int {
		order := func(d *Dial) int {
			n := 2 * d.Step
			if d.Canceled() {
				n++
			}
			return n
		}
		return cmp.Compare(order(a), order(b))
	})
	return all
}
