package pool

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/internal/alarm"
	"github.com/berth-go/berth/internal/crew"
	"github.com/berth-go/berth/internal/part"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// downPart is a key whose peer is down.
type downPart struct{ quiet int }

func (*downPart) Key() any                          { return "a" }
func (*downPart) Dial(context.Context) (int, error) { return 0, errors.New("down") }
func (*downPart) Limiter() part.Limiter             { return nil }
func (*downPart) Shared() int                       { return 1 }
func (p *downPart) Quiet()                          { p.quiet++ }

// The Budget keeps nothing of a key that is forgotten while its prober waits for a slot: there
// may be a host that is down for each of a million URLs, and the Budget full for hours (I12).
func TestBudgetForgetsTheProberOfAForgottenKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := NewBudget(BudgetLimits{MaxOpen: 1})
		require.NoError(t, err)
		makePart, err := NewParts(Config[int]{Budget: b, Dial: numbered(), BreakAfter: 1, BackoffBase: time.Second, BackoffMax: time.Second},
			&part.Total{Crew: crew.New(1), Clock: alarm.New()})
		require.NoError(t, err)
		down, key := &downPart{}, &Pool[int]{}
		require.NoError(t, makePart(key, down, &Limits{}))
		other, err := New(Config[int]{Budget: b, Dial: numbered()})
		require.NoError(t, err)

		_, err = key.Acquire(t.Context())
		require.Error(t, err)
		holder := mustAcquire(t, other)
		hopes := func() bool {
			synctest.Wait()
			b.mu.Lock()
			defer b.mu.Unlock()
			return key.member.wishes != nil
		}
		time.Sleep(1500 * time.Millisecond)
		require.True(t, hopes(), "the prober has no slot")
		time.Sleep(time.Minute)
		assert.False(t, hopes())
		require.Equal(t, 1, down.quiet)
		holder.Release()
		require.NoError(t, other.Shutdown(t.Context()))
	})
}
