package h2

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// A look that was going on when the connection was closed starts no timer after that, which
// would keep it in memory.
func TestNoTimerOfAClosedConnectionStarts(t *testing.T) {
	r := &Resource{}
	timer := time.AfterFunc(time.Hour, func() {})
	r.closed.Store(true)
	r.reset(timer, time.Hour)
	assert.False(t, timer.Stop())
}
