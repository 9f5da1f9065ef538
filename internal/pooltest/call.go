package pooltest

import (
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A Call is a call of Acquire that runs aside, and the lease that it returned.
// Copies of the lease may be ended more than once; the first end counts.
type Call struct {
	bench  *Bench
	cancel func()
	done   chan struct{} // closed when Acquire has returned

	// Valid when done is closed.
	lease Lease
	err   error
	info  pool.LeaseInfo
	res   *Resource

	ended bool // used by the test's goroutine only
}

// begin notes the lease that the call returned.
func (c *Call) begin() {
	c.res, c.info = c.lease.Value(), c.lease.Info()
	c.res.begin()
}

// Returned reports whether Acquire has returned.
func (c *Call) Returned() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// Served reports whether Acquire has returned a lease.
func (c *Call) Served() bool { return c.Returned() && c.err == nil }

// Out reports whether the lease is out.
func (c *Call) Out() bool { return c.Served() && !c.ended }

// Err returns the error that Acquire has returned.
func (c *Call) Err() error {
	c.bench.tb.Helper()
	require.True(c.bench.tb, c.Returned(), "Acquire has not returned")
	return c.err
}

// Resource returns the resource that Acquire has returned a lease of.
func (c *Call) Resource() *Resource {
	c.bench.tb.Helper()
	require.NoError(c.bench.tb, c.Err())
	return c.res
}

// Lease returns the lease.
func (c *Call) Lease() Lease {
	c.bench.tb.Helper()
	require.NoError(c.bench.tb, c.Err())
	return c.lease
}

// Info returns what the lease said of itself when it began.
func (c *Call) Info() pool.LeaseInfo { return c.info }

// Cancel ends the context of the call.
func (c *Call) Cancel() { c.bench.do(c.cancel) }

// CancelNow ends the context of the call and does not wait for what comes of it.
func (c *Call) CancelNow() { c.cancel() }

// Release releases the lease.
func (c *Call) Release() { c.end(c.Lease().Release) }

// ReleaseThen releases the lease and calls f before anybody else has run.
func (c *Call) ReleaseThen(f func()) {
	c.end(func() {
		c.lease.Release()
		f()
	})
}

// Discard discards the lease.
func (c *Call) Discard() { c.end(func() { c.lease.Discard(ErrRefused) }) }

// Hijack hijacks the resource.
func (c *Call) Hijack() {
	if r := c.Resource(); r.State() == Open { // else it is dead, and the pool has closed it
		r.moveTo(Hijacked, Open) // before a dial begins in its slot
	}
	c.end(func() { assert.Same(c.bench.tb, c.res, c.lease.Hijack()) })
}

// end ends the lease in one way or another. The resource must not count it any
// more when the next one begins, which may be before f returns.
func (c *Call) end(f func()) {
	c.bench.tb.Helper()
	if !c.ended {
		c.ended = true
		c.Resource().end()
	}
	c.bench.do(f)
}
