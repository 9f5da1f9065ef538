// Package crew runs funcs in the background, a bounded number at once.
package crew

import "sync"

// A Crew runs the funcs given to it, in order of arrival, in at most max
// goroutines. They are started on demand and end when nothing is left to do.
type Crew struct {
	mu struct {
		sync.Mutex
		max     int
		queue   []func()
		working int
	}
}

// New returns a Crew of at most max goroutines.
func New(max int) *Crew {
	c := &Crew{}
	c.mu.max = max
	return c
}

// Go arranges for f to run and returns at once. It may be called under a lock.
func (c *Crew) Go(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.queue = append(c.mu.queue, f)
	if c.mu.working < c.mu.max {
		c.mu.working++
		go c.work()
	}
}

// work runs funcs until none is left.
func (c *Crew) work() {
	done := false
	defer func() {
		if done {
			return
		}
		// f panicked or called runtime.Goexit: this goroutine ends, and another
		// takes over what it leaves.
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.mu.queue) > 0 {
			go c.work()
		} else {
			c.mu.working--
		}
	}()
	for f := c.next(); f != nil; f = c.next() {
		f()
	}
	done = true
}

// next returns the next func, or nil if the caller is to end.
func (c *Crew) next() func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.mu.queue) == 0 || c.mu.working > c.mu.max { // more than max only after Shrink
		c.mu.working--
		return nil
	}
	f := c.mu.queue[0]
	c.mu.queue[0] = nil // so the GC can free it
	c.mu.queue = c.mu.queue[1:]
	return f
}

// Grow lets one func more run at once, because one of those that run is stuck.
func (c *Crew) Grow() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.max++
	if len(c.mu.queue) > 0 {
		c.mu.working++
		go c.work()
	}
}

// Shrink takes a Grow back.
func (c *Crew) Shrink() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.max--
}
