package pool_test

import (
	"testing"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
)

// A dial that was canceled and does not heed that is late for nobody: it keeps no other dial
// beyond MaxIdle that nobody waits for.
func TestCanceledDialKeepsNoOther(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{RedialAfter: time.Second, MaxIdle: -1})
		gone := r.acquire()
		r.dial(1).stubborn.Store(true)
		gone.leave()
		assert.True(t, r.dial(1).canceled())
		pass(2 * time.Second)
		stays, leaves := r.acquire(), r.acquire()
		assert.Equal(t, 3, r.started())
		leaves.leave()
		assert.False(t, r.dial(2).canceled())
		assert.True(t, r.dial(3).canceled())
		r.dial(2).ok()
		stays.got()
		r.dial(1).fail(errDial)
	})
}
