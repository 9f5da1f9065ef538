package crew_test

import (
	"testing"
	"testing/synctest"

	"github.com/berth-go/berth/internal/crew"
	"github.com/stretchr/testify/assert"
	"go.uber.org/atomic"
)

// gang gives a crew n funcs that wait for the gate, and counts those that run.
func gang(c *crew.Crew, n int, gate <-chan struct{}) *atomic.Int32 {
	running := &atomic.Int32{}
	for range n {
		c.Go(func() {
			running.Inc()
			<-gate
			running.Dec()
		})
	}
	synctest.Wait()
	return running
}

func TestGrowLetsOneMoreRunUntilShrink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := crew.New(2)
		gate := make(chan struct{})
		running := gang(c, 9, gate)
		c.Grow()
		synctest.Wait()
		assert.EqualValues(t, 3, running.Load())
		c.Shrink()
		gate <- struct{}{} // one ends, and none takes its place
		synctest.Wait()
		assert.EqualValues(t, 2, running.Load())
		close(gate)
		synctest.Wait()

		c.Grow() // with nothing queued
		again := make(chan struct{})
		assert.EqualValues(t, 3, gang(c, 9, again).Load())
		close(again)
		synctest.Wait()
		c.Shrink()
		last := make(chan struct{})
		assert.EqualValues(t, 2, gang(c, 9, last).Load())
		close(last)
	})
}
