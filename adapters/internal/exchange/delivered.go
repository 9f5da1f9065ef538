package exchange

import (
	"sync"

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
}

// EndDone ends the exchanges whose contexts have ended, in the goroutine of the caller. It
// returns how many of the others were there already the last time.
func (d *Delivered) EndDone() (left int) {
	all, old := d.list()
	for i, c := range all {
		switch {
		case c.ctx.Err() != nil:
			c.resp.abandon()
		case i < old:
			left++
		}
	}
	return left
}

// list returns the exchanges, oldest first, and how many were in the last list.
func (d *Delivered) list() (all []*Call, old int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for c := range d.calls.All() {
		if c.listed {
			old++
		}
		c.listed = true
		all = append(all, c)
	}
	return all, old
}

func (d *Delivered) add(c *Call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls.Push(&c.link, c)
}

// settled says that a call has ended here.
func (d *Delivered) settled(c *Call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c.settled = true
	d.ended.Broadcast()
}

// await waits until a call that is ending here has ended.
func (d *Delivered) await(c *Call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended.L = &d.mu
	for !c.settled {
		d.ended.Wait()
	}
}

func (d *Delivered) remove(c *Call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls.Remove(&c.link)
}
