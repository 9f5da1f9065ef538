package pool_test

import (
	"context"
	"testing"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func checkNothing(context.Context, int) error { return nil }

func TestNewRefusesWrongFieldsOfTheLifeOfResources(t *testing.T) {
	for _, tt := range []struct {
		want  string
		wrong func(*pool.Config[int])
	}{
		{"MaxLifetime is -1s: use 0 for no limit", func(c *pool.Config[int]) { c.MaxLifetime = -time.Second }},
		{"LifetimeJitter is -1s: use 0 for none", func(c *pool.Config[int]) { c.LifetimeJitter = -time.Second }},
		{"Overlap is -1s: use 0 for none", func(c *pool.Config[int]) { c.Overlap = -time.Second }},
		{"CheckEvery is -1s: use 0 for no checks in the background", func(c *pool.Config[int]) { c.CheckEvery = -time.Second }},
		{"DrainTimeout is -1s: use 0 for no limit", func(c *pool.Config[int]) { c.DrainTimeout = -time.Second }},
		{"CloseTimeout is -1s: use 0 for no limit", func(c *pool.Config[int]) { c.CloseTimeout = -time.Second }},
		{"CheckEvery is set without Check: set Check as well", func(c *pool.Config[int]) { c.CheckEvery = time.Second }},
		{
			"LifetimeJitter is 1s, not below MaxLifetime 1s: set a part of MaxLifetime",
			func(c *pool.Config[int]) { c.MaxLifetime, c.LifetimeJitter = time.Second, time.Second },
		},
		{
			"LifetimeJitter is set without MaxLifetime: set MaxLifetime as well",
			func(c *pool.Config[int]) { c.LifetimeJitter = time.Second },
		},
		{
			"Overlap is 2s, not below the shortest lifetime 2s: set about the time of a dial",
			func(c *pool.Config[int]) {
				c.MaxLifetime, c.LifetimeJitter, c.Overlap = 3*time.Second, time.Second, 2*time.Second
			},
		},
		{
			"Overlap is set without MaxLifetime: set MaxLifetime as well",
			func(c *pool.Config[int]) { c.Overlap = 2 * time.Second },
		},
		{"Reuse is 3: use one of the constants", func(c *pool.Config[int]) { c.Reuse = 3 }},
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

// The fields go together at the edge of what is refused.
func TestNewTakesTheLongestJitterAndOverlap(t *testing.T) {
	p, err := pool.New(pool.Config[int]{
		Dial: dialOne, Check: checkNothing, CheckEvery: 1, Reuse: pool.ReuseLeastLoaded,
		MaxLifetime: 3 * time.Second, LifetimeJitter: time.Second, Overlap: 2*time.Second - 1,
		DrainTimeout: 1, CloseTimeout: 1, MaxUses: 1, MinIdle: 2, MaxIdle: 2, MaxOpen: 2,
	})
	require.NoError(t, err)
	require.NoError(t, p.Shutdown(t.Context()))
}

func TestReasonsOfTheLifeOfResourcesHaveNames(t *testing.T) {
	for r, want := range map[pool.Reason]string{
		pool.ReasonLifetime: "lifetime", pool.ReasonUses: "uses", pool.ReasonRetire: "retire", pool.ReasonDrain: "drain",
	} {
		assert.Equal(t, want, r.String())
	}
}
