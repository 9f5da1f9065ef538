package crew_test

import (
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/berth-go/berth/internal/crew"
	"github.com/stretchr/testify/assert"
	"go.uber.org/atomic"
	"go.uber.org/goleak"
)

// A Crew ends its goroutines when nothing is left to do, so none runs on after
// the tests.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAtMostMaxFuncsRunAtOnce(t *testing.T) {
	for _, limit := range []int{1, 3, 8} {
		synctest.Test(t, func(t *testing.T) {
			c := crew.New(limit)
			gate := make(chan struct{})
			var running atomic.Int32
			for range 20 {
				c.Go(func() {
					running.Inc()
					<-gate
					running.Dec()
				})
			}
			for left := 20; left > 0; left-- {
				synctest.Wait()
				assert.EqualValues(t, min(limit, left), running.Load(), "%d left", left)
				gate <- struct{}{}
			}
			synctest.Wait()
			assert.Zero(t, running.Load())
		})
	}
}

func TestFuncsStartInOrderOfArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := crew.New(1)
		gate := make(chan struct{})
		c.Go(func() { <-gate })
		var order []int
		for i := range 50 {
			c.Go(func() { order = append(order, i) })
		}
		close(gate)
		synctest.Wait()
		assert.IsIncreasing(t, order)
		assert.Len(t, order, 50)
	})
}

// Go may be called where nothing may block: it waits for no func, and a func may
// call it.
func TestGoReturnsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := crew.New(1)
		gate := make(chan struct{})
		var inner, outer bool
		c.Go(func() {
			c.Go(func() { inner = true })
			<-gate
			outer = !inner
		})
		c.Go(func() {})
		synctest.Wait()
		assert.False(t, inner)
		close(gate)
		synctest.Wait()
		assert.True(t, outer, "the inner func ran after the outer one")
		assert.True(t, inner)
	})
}

// A func that calls runtime.Goexit ends the goroutine that it is in. What is in
// the queue behind it is not lost, and the number of goroutines stays right.
func TestGoexitOfAFuncLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 2
		c := crew.New(limit)
		var ran, running, most atomic.Int32
		for i := range 40 {
			c.Go(func() {
				defer ran.Inc()
				n := running.Inc()
				defer running.Dec()
				most.Store(max(most.Load(), n))
				runtime.Gosched()
				if i%3 == 0 {
					runtime.Goexit()
				}
			})
		}
		synctest.Wait()
		assert.EqualValues(t, 40, ran.Load())
		assert.LessOrEqual(t, most.Load(), int32(limit))
	})
}

// The last func ends its goroutine: the crew must not count it any more.
func TestCrewWorksOnAfterAGoexitWithNothingBehindIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := crew.New(1)
		for range 5 {
			ran := false
			c.Go(runtime.Goexit)
			synctest.Wait()
			c.Go(func() { ran = true })
			synctest.Wait()
			assert.True(t, ran)
		}
	})
}

// With nothing to do there is no goroutine: a bubble ends only when all of its
// goroutines have, and this one must end while the crew lives on.
func TestIdleCrewHasNoGoroutines(t *testing.T) {
	c := crew.New(4)
	for range 3 {
		synctest.Test(t, func(*testing.T) {
			for range 10 {
				c.Go(func() {})
			}
		})
	}
}

func TestGoFromManyGoroutinesRunsEachFuncOnce(t *testing.T) {
	c := crew.New(4)
	var ran, running atomic.Int32
	var all, callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for range 500 {
				all.Add(1)
				c.Go(func() {
					defer all.Done()
					assert.LessOrEqual(t, running.Inc(), int32(4))
					ran.Inc()
					running.Dec()
				})
			}
		})
	}
	callers.Wait()
	all.Wait()
	assert.EqualValues(t, 8*500, ran.Load())
}
