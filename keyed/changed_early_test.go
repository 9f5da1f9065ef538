package keyed_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// A resource may change after the first look at its capacity, and before the pool has it: that
// is looked at again.
func TestChangeBeforeTheResourceIsThePoolsIsSeen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		var r *rig
		told := false
		cfg.Shared = func(string) int {
			if len(r.things) == 1 && !told {
				told = true
				r.things[0].set(2)
			}
			return 2
		}
		cfg.MaxOpenPerKey = 1
		r = newRig(t, cfg)
		r.capacity = 1
		first, second := r.acquire("a"), r.acquire("a")
		assert.Same(t, first.got(), second.got())
	})
}
