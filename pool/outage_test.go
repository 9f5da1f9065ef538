package pool_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// outage plays a peer that is down for a minute under 1,000 callers, each of whom
// tries again a second after an error until it has been served once.
type outage struct {
	begin   time.Time
	mu      sync.Mutex
	dials   map[int]int // by the second in which they began
	refused int         // of them; what begins just before the end succeeds
	errs    []int       // by caller
	slowest time.Duration
}

const (
	outageCallers = 1000
	outageOpen    = 50 // MaxOpen
	outageEnd     = time.Minute
)

func (o *outage) dial(context.Context) (*thing, error) {
	o.mu.Lock()
	o.dials[int(time.Since(o.begin)/time.Second)]++
	o.mu.Unlock()
	<-time.After(5 * time.Millisecond) // the peer refuses or accepts after a round trip
	if time.Since(o.begin) < outageEnd {
		o.mu.Lock()
		o.refused++
		o.mu.Unlock()
		return nil, errDial
	}
	x := &thing{}
	x.set(1)
	return x, nil
}

func (o *outage) caller(t *testing.T, p *pool.Pool[*thing], n int) {
	for {
		l, err := p.Acquire(t.Context())
		if err == nil {
			<-time.After(10 * time.Millisecond)
			l.Release()
			o.mu.Lock()
			defer o.mu.Unlock()
			o.slowest = max(o.slowest, time.Since(o.begin)-outageEnd)
			return
		}
		assert.ErrorIs(t, err, errDial)
		o.mu.Lock()
		o.errs[n]++
		o.mu.Unlock()
		<-time.After(time.Second)
	}
}

// figures are what an outage cost.
type figures struct {
	dials, perSecond int           // while the peer was down, and the most in one second
	errs, worst      int           // errors of all callers, and of the one who got most
	recovery         time.Duration // from the end of the outage until all were served
}

func playOutage(t *testing.T, cfg pool.Config[*thing]) (f figures) {
	bubble(t, func(t *testing.T) {
		o := &outage{begin: time.Now(), dials: map[int]int{}, errs: make([]int, outageCallers)}
		cfg.MaxOpen, cfg.Dial = outageOpen, o.dial
		p, err := pool.New(cfg)
		require.NoError(t, err)
		var wg sync.WaitGroup
		for n := range outageCallers {
			wg.Go(func() { o.caller(t, p, n) })
		}
		wg.Wait()
		s := p.Stats()
		require.NoError(t, p.Shutdown(t.Context()))
		assert.LessOrEqual(t, s.Open, outageOpen)
		for second, n := range o.dials {
			if second < int(outageEnd/time.Second) {
				f.dials += n
				f.perSecond = max(f.perSecond, n)
			}
		}
		for _, n := range o.errs {
			f.errs += n
			f.worst = max(f.worst, n)
		}
		f.recovery = o.slowest
		assert.EqualValues(t, o.refused, s.DialErrors)
	})
	return f
}

// What a minute without the peer costs. By default each of the callers learns of
// it at its own dial, and there are as many dials as slots and errors allow. The
// backoff leaves a handful of dials, at the price that callers wait; with the
// breaker they are told at once. None of them meets a storm when the peer is back.
func TestOutageOfAMinuteUnderAThousandCallers(t *testing.T) {
	backoff := pool.Config[*thing]{BackoffBase: 100 * time.Millisecond, BackoffMax: 5 * time.Second}
	both := backoff
	both.BreakAfter = 3

	played := map[string]figures{}
	for _, tt := range []struct {
		name string
		cfg  pool.Config[*thing]
	}{
		{"neither", pool.Config[*thing]{}},
		{"backoff", backoff},
		{"breaker", pool.Config[*thing]{BreakAfter: 3}},
		{"both", both},
	} {
		f := playOutage(t, tt.cfg)
		played[tt.name] = f
		t.Logf("%-8s %6d dials, at most %4d in a second; %5.1f errors per caller, at most %2d; all served %v after the end", tt.name,
			f.dials, f.perSecond, float64(f.errs)/outageCallers, f.worst, f.recovery.Round(time.Millisecond))
	}

	neither := played["neither"]
	assert.Greater(t, neither.dials, 50_000, "the yardstick: nothing holds the dials up")
	for name, f := range played {
		if name == "neither" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			assert.Less(t, f.dials, 50+60, "dials while it was down: one storm at most, of MaxOpen, before anybody knew")
			assert.LessOrEqual(t, f.perSecond, 50+6)
			assert.Less(t, f.recovery, 12*time.Second, "the longest backoff, and the work itself")
		})
	}
	assert.Less(t, played["backoff"].worst, 3, "callers wait")
	assert.Greater(t, played["both"].errs, 50*outageCallers, "callers are told at once, each time they ask")
	assert.Less(t, neither.recovery, 2*time.Second, fmt.Sprint(neither))
}
