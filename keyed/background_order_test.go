package keyed_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// warm starts a Warm and returns when it has ended or sleeps.
func (r *rig) warm(key string, n int) <-chan error {
	done := make(chan error, 1)
	go func() { done <- r.Warm(r.t.Context(), key, n) }()
	synctest.Wait()
	return done
}

// Calls of Warm for many keys have what is free in the order in which they came: none waits
// for ever while later ones are served.
func TestWarmOfAKeyIsNotOvertakenByThoseThatCameLater(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, config{MaxDials: 1})
		keys := []string{"a", "b", "c", "d", "e", "f", "g"}
		var warms []<-chan error
		for _, key := range keys[:3] {
			warms = append(warms, r.warm(key, 1))
		}
		for n := range keys {
			if n+3 < len(keys) {
				warms = append(warms, r.warm(keys[n+3], 1)) // there are always others that wait
			}
			assert.Equal(t, keys[:n+1], r.started())
			r.dial(n + 1).ok()
		}
		for _, w := range warms {
			require.NoError(t, <-w)
		}
	})
}

// A key that wants many does not have all of them first.
func TestKeysThatWarmTakeTurns(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, config{MaxDials: 1})
		many, few := r.warm("a", 4), r.warm("b", 2)
		for n := 1; n <= 6; n++ {
			r.dial(n).ok()
		}
		assert.Equal(t, []string{"a", "a", "b", "a", "b", "a"}, r.started(), "a was next when b came")
		require.NoError(t, <-many)
		require.NoError(t, <-few)
	})
}

// So have keys whose callers wait for late dials.
func TestKeysWithLateDialsDialAgainInTheirOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, config{MaxDials: 6, RedialAfter: time.Second})
		keys := []string{"a", "b", "c", "d", "e", "f"}
		for _, key := range keys {
			r.acquire(key)
			pass(time.Millisecond)
		}
		pass(time.Minute) // all are late, and there is no permit
		require.Equal(t, keys, r.started())
		for n, next := range []string{"a", "b", "c"} {
			r.dial(6 - n).ok() // the newest first: f, e and d are served
			assert.Equal(t, next, r.started()[6+n])
		}
	})
}
