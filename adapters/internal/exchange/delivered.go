package exchange

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/berth-go/berth/internal/chain"
)

// Delivered holds the exchanges of one connection whose response has been delivered and
// has not ended. The caller of RoundTrip may have dropped it: then the end of the context
// is its end, as with net/http. A context that is watched for that tells nobody without
// some allocations; so the connection, which learns of the end in another way, calls
// EndDone. The zero Delivered is ready.
type Delivered struct {
	mu    sync.Mutex
	calls chain.List[Call]
	ended sync.Cond // of mu: some call has been settled
	lost  bool      // see Lost
	first time.Time // that list was called
}

// EndDone ends the exchanges whose contexts have ended, in the goroutine of the caller. It
// returns how many of the others were there already the last time.
func (d *Delivered) EndDone() (left int) { return d.EndArrived(nil, 0) }

// EndArrived is EndDone for a connection of net/http's that others may use. If inFlight, its
// number of streams, is 0 now, all that was delivered before has arrived in full, and who has
// it needs no connection to read it. So those that were there already the last time end too:
// if keep is not 0, only after that time, so that whoever forgets one can be told of it.
func (d *Delivered) EndArrived(inFlight func() int, keep time.Duration) (left int) {
	all, old, now := d.list()
	arrived := inFlight != nil && inFlight() == 0 // after list: what comes later has a stream
	if keep > 0 {
		keep += min(keepMore, math.MaxInt64-keep) // it may be as long as can be
	}
	for i, c := range all {
		switch {
		case c.ctx.Err() != nil:
			c.resp.abandon()
		case i < old && arrived && time.Duration(now-c.listed)*time.Second >= keep:
			c.resp.letGo()
		case i < old:
			left++
		}
	}
	return left
}

// keepMore is the time that whoever tells of a forgotten response may be late, and a second
// for what list cuts off.
const keepMore = 2 * time.Second

// list returns the exchanges, oldest first, how many were in the last list, and what second
// this is since the first.
func (d *Delivered) list() (all []*Call, old int, now uint32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.first.IsZero() {
		d.first = time.Now()
	}
	now = 1 + uint32(time.Since(d.first)/time.Second)
	for c := range d.calls.All() {
		if c.listed > 0 {
			old++
		} else {
			c.listed = now
		}
		all = append(all, c)
	}
	return all, old, now
}

// Lost says that the connection is gone and EndDone will not be called any more, of one
// that no Attempt cuts: from here on the contexts are watched one by one.
func (d *Delivered) Lost() {
	for _, c := range d.lose() {
		d.watch(c)
	}
}

// lose returns the exchanges, the first time that it is called.
func (d *Delivered) lose() (all []*Call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.lost {
		return nil
	}
	d.lost = true
	for c := range d.calls.All() {
		all = append(all, c)
	}
	return all
}

func (d *Delivered) add(c *Call) {
	d.mu.Lock()
	d.calls.Push(&c.link, c)
	lost := d.lost
	d.mu.Unlock()
	if lost {
		d.watch(c)
	}
}

// watch has an exchange ended with its context, as long as it is here: end takes it out,
// and only then looks at stopCut, which nothing else has set.
func (d *Delivered) watch(c *Call) {
	if c.how.Cut != nil || c.ctx.Done() == nil {
		return
	}
	stop := context.AfterFunc(c.ctx, c.resp.abandon)
	if !d.watched(c, stop) {
		stop()
	}
}

// watched reports whether an exchange is still here, and then notes how the watch ends.
func (d *Delivered) watched(c *Call, stop func() bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !c.link.In() {
		return false
	}
	c.stopCut = stop
	return true
}

// settled says that a call has ended here.
func (d *Delivered) settled(c *Call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c.settled = true
	d.ended.Broadcast()
}

// awaitTime bounds the wait for the end of a call. It is the time of a hook that the end has
// called; one that comes here itself must not wait for itself for ever.
const awaitTime = time.Second

// await waits until a call that is ending here has ended.
func (d *Delivered) await(c *Call) {
	t := time.AfterFunc(awaitTime, func() { d.settled(c) })
	defer t.Stop()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended.L == nil { // once: a Wait reads it without mu
		d.ended.L = &d.mu
	}
	for !c.settled {
		d.ended.Wait()
	}
}

func (d *Delivered) remove(c *Call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls.Remove(&c.link)
}
