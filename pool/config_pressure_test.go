package pool_test

import (
	"context"
	"testing"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNewRefusesWrongFieldsOfPressureAndSight(t *testing.T) {
	for _, tt := range []struct {
		want  string
		wrong func(*pool.Config[int])
	}{
		{"BackoffBase is -1s: use 0 for no backoff", func(c *pool.Config[int]) { c.BackoffBase = -time.Second }},
		{"BackoffMax is -1s: use 0 for the default", func(c *pool.Config[int]) { c.BackoffMax = -time.Second }},
		{
			"BackoffMax is 1s, below BackoffBase 2s: set it above BackoffBase, or 0",
			func(c *pool.Config[int]) { c.BackoffBase, c.BackoffMax = 2*time.Second, time.Second },
		},
		{
			"BackoffMax is set without BackoffBase: set BackoffBase as well",
			func(c *pool.Config[int]) { c.BackoffMax = time.Second },
		},
		{"BreakAfter is -1: use 0 for no breaker", func(c *pool.Config[int]) { c.BreakAfter = -1 }},
		{"LowLag is -64: use 0 for the default", func(c *pool.Config[int]) { c.LowLag = -64 }},
		{"ShedLate is 3: use one of the constants", func(c *pool.Config[int]) { c.ShedLate = 3 }},
		{"LeakAfter is -1m0s: use 0 for no reports", func(c *pool.Config[int]) { c.LeakAfter = -time.Minute }},
		{
			"LeakSample is -1: use 0 for all leases",
			func(c *pool.Config[int]) { c.LeakAfter, c.LeakSample = time.Minute, -1 },
		},
		{"LeakSample is set without LeakAfter: set LeakAfter as well", func(c *pool.Config[int]) { c.LeakSample = 5 }},
	} {
		t.Run(tt.want, func(t *testing.T) {
			cfg := pool.Config[int]{Dial: dialOne}
			tt.wrong(&cfg)
			p, err := pool.New(cfg)
			assert.EqualError(t, err, "pool: "+tt.want)
			assert.Nil(t, p)
		})
	}
}

// Each of them alone is fine, and so is an absurdly long backoff.
func TestNewTakesFieldsOfPressureAndSightAlone(t *testing.T) {
	for name, change := range map[string]func(*pool.Config[int]){
		"BackoffBase":  func(c *pool.Config[int]) { c.BackoffBase = time.Second },
		"a century":    func(c *pool.Config[int]) { c.BackoffBase = 100 * 365 * 24 * time.Hour },
		"BackoffMax":   func(c *pool.Config[int]) { c.BackoffBase, c.BackoffMax = 1, 1 },
		"BreakAfter":   func(c *pool.Config[int]) { c.BreakAfter = 1 },
		"ShedLate":     func(c *pool.Config[int]) { c.ShedLate = pool.ShedDryRun },
		"LowLag":       func(c *pool.Config[int]) { c.LowLag = 1 },
		"LeakAfter":    func(c *pool.Config[int]) { c.LeakAfter = time.Second },
		"empty hooks":  func(c *pool.Config[int]) { c.Hooks = &pool.Hooks{} },
		"Shed off":     func(c *pool.Config[int]) { c.ShedLate = pool.ShedOff },
		"all of these": func(c *pool.Config[int]) { c.BackoffBase, c.BreakAfter, c.LeakAfter, c.LeakSample = 1, 1, 1, 1 },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				cfg := pool.Config[int]{Dial: dialOne}
				change(&cfg)
				failing := true
				cfg.Dial = func(context.Context) (int, error) {
					if failing {
						failing = false
						return 0, errDial
					}
					return 1, nil
				}
				p, err := pool.New(cfg)
				require.NoError(t, err)
				_, err = p.Acquire(t.Context())
				require.ErrorIs(t, err, errDial)
				require.NoError(t, p.Shutdown(t.Context()))
			})
		})
	}
}
