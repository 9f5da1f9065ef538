package berth_test

import (
	"testing"
	"testing/synctest"

	"github.com/berth-go/berth/internal/pooltest"
)

// A behavior is one promise of the contract, and a test of it for a pool of any
// kind.
type behavior struct {
	name string
	test func(t *testing.T, k kind)

	// except says of which kinds the behavior does not hold, and why.
	except map[string]string
}

// TestBehavior runs every behavior over every kind of pool, each in a bubble of
// its own. A call that never returns shows as a deadlock there.
func TestBehavior(t *testing.T) {
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			for _, list := range [][]behavior{
				orderBehaviors(), dialBehaviors(), leaseBehaviors(),
				limitBehaviors(), shareBehaviors(), kindBehaviors(), closeBehaviors(),
			} {
				for _, b := range list {
					t.Run(b.name, func(t *testing.T) {
						if why, ok := b.except[k.name]; ok {
							t.Skip(why)
						}
						synctest.Test(t, func(t *testing.T) { b.test(t, k) })
					})
				}
			}
		})
	}
}

// maxOpen returns what configures a pool of n exclusive resources.
func maxOpen(n int) func(*config) { return func(c *config) { c.MaxOpen = n } }

// shareable returns what configures a pool of n resources of which each is
// expected to carry several leases.
func shareable(n, shared int) func(*config) {
	return func(c *config) {
		c.MaxOpen, c.Shared = n, shared
		pooltest.ShareableConfig(c)
	}
}

// ids returns the resources of calls that were served.
func ids(calls ...*pooltest.Call) (ids []int) {
	for _, c := range calls {
		ids = append(ids, c.Resource().ID)
	}
	return ids
}
