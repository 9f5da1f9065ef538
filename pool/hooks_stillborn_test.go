package pool_test

import (
	"testing"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
)

// A resource that is dead when it comes was made, as one that dies a moment later was:
// it counts among Dials and is evicted, so Dialed tells of it before DialFailed does.
func TestHooksTellThatAStillbornWasMade(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var events []string
		cfg := shareable()
		cfg.Hooks = &pool.Hooks{
			Dialed:     func(pool.DialEvent) { events = append(events, "dialed") },
			DialFailed: func(pool.DialEvent) { events = append(events, "failed") },
			Evicted:    func(pool.EvictedEvent) { events = append(events, "evicted") },
		}
		r := newManual(t, cfg)
		r.acquire()
		r.capacity = pool.Dead
		r.dial(1).ok()
		assert.EqualValues(t, 1, r.Stats().Dials)
		assert.Equal(t, []string{"dialed", "failed", "evicted"}, events)
	})
}
