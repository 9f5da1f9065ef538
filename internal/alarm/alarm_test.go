package alarm_test

import (
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/internal/alarm"
	"github.com/stretchr/testify/assert"
	"go.uber.org/atomic"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bells are bells of one clock that note when they ring.
type bells struct {
	clock *alarm.Clock
	start time.Time

	mu    sync.Mutex
	rings []ring
}

type ring struct {
	name string
	at   time.Duration // since the start
}

func newBells() *bells { return &bells{clock: alarm.New(), start: time.Now()} }

func (b *bells) bell(name string) *alarm.Bell {
	return b.clock.Bell(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.rings = append(b.rings, ring{name, time.Since(b.start)})
	})
}

// rung returns what has rung so far.
func (b *bells) rung() []ring {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.rings)
}

func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestBellsRingInTheOrderOfTheirTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBells()
		for _, name := range []string{"c", "a", "d", "b"} {
			b.bell(name).Set(b.start.Add(time.Duration(name[0]-'a'+1) * time.Second))
		}
		pass(2 * time.Second)
		assert.Equal(t, []ring{{"a", time.Second}, {"b", 2 * time.Second}}, b.rung())
		pass(time.Hour)
		assert.Equal(t, []ring{{"c", 3 * time.Second}, {"d", 4 * time.Second}}, b.rung()[2:])
	})
}

// A bell rings once for all that it was set for, at the earliest time.
func TestBellKeepsTheEarliestTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBells()
		bell := b.bell("x")
		bell.Set(b.start.Add(5 * time.Second))
		bell.Set(b.start.Add(2 * time.Second))
		bell.Set(b.start.Add(9 * time.Second))
		pass(time.Hour)
		assert.Equal(t, []ring{{"x", 2 * time.Second}}, b.rung())
	})
}

func TestBellMayBeSetAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBells()
		var bell *alarm.Bell
		var times atomic.Int32 // bells ring in goroutines of their own
		bell = b.clock.Bell(func() {
			if times.Inc() < 4 {
				bell.Set(time.Now().Add(time.Second)) // also while it rings
			}
		})
		bell.Set(b.start.Add(time.Second))
		pass(4*time.Second - 1)
		assert.EqualValues(t, 3, times.Load())
		pass(time.Hour)
		assert.EqualValues(t, 4, times.Load())
		bell.Set(time.Now().Add(time.Second))
		pass(time.Second)
		assert.EqualValues(t, 5, times.Load())
	})
}

func TestTimeThatHasPassedRingsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBells()
		pass(time.Minute)
		b.bell("late").Set(b.start)
		assert.Equal(t, []ring{{"late", time.Minute}}, b.rung())
	})
}

func TestStoppedBellIsSilentUntilItIsSetAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBells()
		stopped, other := b.bell("stopped"), b.bell("other")
		stopped.Stop() // not set: nothing happens
		stopped.Set(b.start.Add(time.Second))
		other.Set(b.start.Add(2 * time.Second))
		stopped.Stop()
		stopped.Stop()
		pass(time.Minute)
		assert.Equal(t, []ring{{"other", 2 * time.Second}}, b.rung(), "and the others ring in time")
		stopped.Set(time.Now().Add(time.Second))
		pass(time.Second)
		assert.Equal(t, ring{"stopped", 61 * time.Second}, b.rung()[1])
	})
}

// A later bell does not put off an earlier one, and an earlier one that comes
// later rings first.
func TestEarlierBellThatComesLaterRingsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBells()
		b.bell("hour").Set(b.start.Add(time.Hour))
		pass(time.Second)
		b.bell("soon").Set(b.start.Add(3 * time.Second))
		b.bell("later").Set(b.start.Add(2 * time.Hour))
		pass(3 * time.Hour)
		assert.Equal(t, []ring{{"soon", 3 * time.Second}, {"hour", time.Hour}, {"later", 2 * time.Hour}}, b.rung())
	})
}

// Many bells have one timer, and so one goroutine in which they ring, one after
// the other. With a timer each, those that are due together would ring together.
func TestManyBellsShareOneTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 10_000
		clock := alarm.New()
		start := time.Now()
		var ringing, rang atomic.Int32
		for range n {
			clock.Bell(func() {
				assert.EqualValues(t, 1, ringing.Inc())
				if rang.Inc()%1000 == 0 {
					<-time.After(time.Nanosecond) // others would run now
				}
				ringing.Dec()
			}).Set(start.Add(time.Second))
		}
		pass(2 * time.Second)
		assert.EqualValues(t, n, rang.Load())
	})
}

// A clock is used by all keys of a pool at once. In real time: a timer of a bubble
// that fires while it is set and stopped brings down Go 1.26's race detector.
func TestBellsMayBeSetAndStoppedConcurrently(t *testing.T) {
	clock := alarm.New()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			rang := make(chan struct{}, 1)
			bell := clock.Bell(func() {
				select {
				case rang <- struct{}{}:
				default: // it has rung, and that is not taken yet
				}
			})
			for i := range 500 {
				bell.Set(time.Now().Add(time.Duration(i%7) * time.Microsecond))
				if i%3 == 0 {
					bell.Stop()
				}
				if i%5 == 0 {
					runtime.Gosched()
				}
			}
			bell.Stop()
			select {
			case <-rang:
			default:
			}
			bell.Set(time.Now())
			<-rang // else the test never ends: a bell that is set last must ring
		})
	}
	wg.Wait()
}

// BenchmarkRing sets one bell of many and lets it ring. What it costs must not
// depend on how many others are set for later.
func BenchmarkRing(b *testing.B) {
	for _, bb := range []struct {
		name   string
		others int
	}{{"others=10", 10}, {"others=100000", 100_000}} {
		b.Run(bb.name, func(b *testing.B) {
			clock := alarm.New()
			later := time.Now().Add(time.Hour)
			var others []*alarm.Bell
			for range bb.others {
				bell := clock.Bell(func() {})
				bell.Set(later)
				others = append(others, bell)
			}
			rang := make(chan struct{}, 1)
			bell := clock.Bell(func() { rang <- struct{}{} })
			for b.Loop() {
				bell.Set(time.Now())
				<-rang
			}
			for _, o := range others {
				o.Stop()
			}
		})
	}
}

// A ring that ends its goroutine keeps no other bell from ringing.
func TestGoexitInARingHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := alarm.New()
		var rung atomic.Int32
		for range 3 {
			clock.Bell(func() {
				rung.Inc()
				runtime.Goexit()
			}).Set(time.Now().Add(time.Second))
		}
		pass(time.Second)
		assert.EqualValues(t, 3, rung.Load())
	})
}
