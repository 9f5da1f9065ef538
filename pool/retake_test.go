package pool_test

import (
	"testing"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"go.uber.org/atomic"
)

// Capacity is asked after Take has failed. If it says that there is room, what was
// in the way may have gone meanwhile, so the resource gets another chance, but not
// without end.
func TestTakeIsTriedAgainOnASharedResourceThatHasRoom(t *testing.T) {
	for failures, want := range map[int]int{1: 1, 2: 1, 3: 2} {
		bubble(t, func(t *testing.T) {
			cfg := shareable()
			var n atomic.Int32
			cfg.Take = counted(&n, func(_ *thing, n int32) error {
				if n > 1 && n <= int32(1+failures) {
					return errBroken
				}
				return nil
			})
			r := newRig(t, cfg)
			r.acquire().release()
			assert.Equal(t, want, r.acquire().got().n, "after %d failures", failures)
			assert.EqualValues(t, want-1, r.Stats().Closes.Of(pool.ReasonTake))
		})
	}
}
