package pool

// chores are what is to be done when the lock is free.
type chores struct {
	wake   []*member
	quiet  interface{ Quiet() } // nil: the pool has not become empty
	events []func()             // hooks to call
	few    [2]func()
}

func (p *Pool[R]) choresLocked() *chores {
	if p.mu.chores == nil {
		c := &chores{}
		c.events = c.few[:0] // mostly it is one or two
		p.mu.chores = c
	}
	return p.mu.chores
}

// laterLocked has f called when the lock is free: f calls a hook.
func (p *Pool[R]) laterLocked(f func()) {
	c := p.choresLocked()
	c.events = append(c.events, f)
}

// do does all of them, whatever becomes of those before, and returns the first panic. To
// wake a pool may be to call its hooks, so each of them may panic, or call
// runtime.Goexit: that ends the goroutine, but only after the others.
func (c *chores) do() (err *panicError) {
	if len(c.wake) == 0 && c.quiet == nil && len(c.events) == 0 {
		return nil
	}
	done := false
	defer func() {
		if !done {
			_ = c.do() // nobody is left to tell of a panic as well
		}
	}()
	for len(c.wake) > 0 {
		m := c.wake[0]
		c.wake = c.wake[1:]
		if failed := catch(m.of.rebalance); err == nil {
			err = failed
		}
	}
	for len(c.events) > 0 {
		f := c.events[0]
		c.events = c.events[1:]
		if failed := catch(f); err == nil {
			err = failed
		}
	}
	if q := c.quiet; q != nil { // last: the hooks of the key's next pool come after these
		c.quiet = nil
		q.Quiet()
	}
	done = true
	return err
}

// catch calls f and returns its panic.
func catch(f func()) (err *panicError) {
	defer func() {
		if r := recover(); r != nil {
			err = &panicError{where: "a hook", value: r}
		}
	}()
	f()
	return nil
}
