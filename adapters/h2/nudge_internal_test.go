package h2

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A request that stays at its turn may be asleep, or be sending to a peer that does not
// read. The looks at it get rarer, and are soon again for the next one.
func TestNudgesGetRarer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pauses []time.Duration
		last := time.Now()
		r := &Resource{}
		r.nudger = time.AfterFunc(time.Hour, func() {
			pauses = append(pauses, time.Since(last)/nudgeTime)
			last = time.Now()
			if len(pauses) == 9 {
				r.turns.Inc()
			}
			r.nudging.Store(false)
			r.nudgeSoon()
		})
		r.turns.Inc()
		r.nudgeSoon()
		r.nudgeSoon() // it is on its way
		time.Sleep(1000 * nudgeTime)
		synctest.Wait()
		r.nudger.Stop()
		require.Greater(t, len(pauses), 13)
		assert.Equal(t, []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 1, 2, 4, 8}, pauses[:13])
	})
}

// Each nudge of a connection whose peer does not read costs a goroutine until it reads.
func TestNudgesOfAnHourAreFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nudges := 0
		r := &Resource{}
		r.nudger = time.AfterFunc(time.Hour, func() {
			nudges++
			r.nudging.Store(false)
			r.nudgeSoon()
		})
		r.turns.Inc()
		r.nudgeSoon()
		time.Sleep(time.Hour)
		synctest.Wait()
		r.nudger.Stop()
		assert.Less(t, nudges, 150)
	})
}

// sleeper is a connection of which all streams are taken. It counts its nudges.
type sleeper struct {
	nudges   int
	reserved int
	err      error
}

func (c *sleeper) RoundTrip(req *http.Request) (*http.Response, error) {
	c.nudges++
	return nil, req.Context().Err()
}

func (c *sleeper) Reserve() error {
	c.reserved++
	return ErrNoStream
}

func (*sleeper) Release()       {}
func (*sleeper) Available() int { return 0 }
func (*sleeper) InFlight() int  { return 1 }
func (c *sleeper) Err() error   { return c.err }
func (*sleeper) Close() error   { return nil }
func (*sleeper) Notify(func())  {} // else it is asked, and nudged, all the time

// nudged returns how often c is nudged in a second after something was done to it by do.
func nudged(t *testing.T, c *sleeper, do func(*Resource)) (n int) {
	synctest.Test(t, func(t *testing.T) {
		r := NewResource(c, Options{})
		r.isStd, r.start = true, make(chan struct{}, 1)
		r.start <- struct{}{} // somebody's turn
		r.turns.Inc()
		do(r)
		time.Sleep(time.Second)
		synctest.Wait()
		n = c.nudges
		require.NoError(t, r.Close())
	})
	return n
}

func TestRequestThatMayBeAsleepIsNudged(t *testing.T) {
	for name, tt := range map[string]struct {
		do   func(*Resource)
		err  error
		want int
	}{
		"that of this turn":   {do: (*Resource).nudgeSoon, want: 1},
		"that of the next":    {do: func(r *Resource) { r.nudgeSoon(); r.turns.Inc() }, want: 1},
		"found by a look":     {do: func(r *Resource) { r.vigil(vigilTime) }, want: 1}, // nobody tells of a goodbye
		"none, its turn over": {do: func(r *Resource) { r.nudgeSoon(); <-r.start }, want: 0},
		"none, all is lost":   {do: (*Resource).nudgeSoon, err: errors.New("lost"), want: 0},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tt.want, nudged(t, &sleeper{err: tt.err}, tt.do))
		})
	}
}
