package h2

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/berth-go/berth/pool"
)

// NoLimit can be given to a time, and on a 32-bit machine it is only two seconds.
func TestNoLimitOfATimeIsNone(t *testing.T) {
	c := Config{
		WaitTimeout: pool.NoLimit, DialTimeout: pool.NoLimit, RedialAfter: pool.NoLimit,
		IdleConnTimeout: pool.NoLimit, MaxConnLifetime: pool.NoLimit, DrainTimeout: pool.NoLimit,
	}
	p := c.poolConfig(nil)
	assert.Zero(t, p.WaitTimeout)
	assert.Zero(t, p.DialTimeout)
	assert.Zero(t, p.RedialAfter)
	assert.Zero(t, p.MaxIdleTime)
	assert.Zero(t, p.MaxLifetime)
	assert.Zero(t, p.DrainTimeout)
}
