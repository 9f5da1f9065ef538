package h2

import (
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
			pauses = append(pauses, time.Since(last)/time.Millisecond)
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
		time.Sleep(time.Second)
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
