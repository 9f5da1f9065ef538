package pool_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/pool"
)

// keeper is a resource that keeps what it was last used for, and with it the lease: an
// HTTP/1 connection of net/http that ended early does.
type keeper struct{ last any }

func TestWatchedLeaseThatHasEndedIsNotKept(t *testing.T) {
	for name, end := range map[string]func(pool.Lease[*keeper]){
		"released":  func(l pool.Lease[*keeper]) { l.Release() },
		"discarded": func(l pool.Lease[*keeper]) { l.Discard(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			p, err := pool.New(pool.Config[*keeper]{
				Dial:      func(context.Context) (*keeper, error) { return &keeper{}, nil },
				LeakAfter: time.Hour,
			})
			require.NoError(t, err)
			gone := make(chan struct{})
			func() {
				l, err := p.Acquire(t.Context())
				require.NoError(t, err)
				runtime.AddCleanup(l.Value(), func(c chan struct{}) { close(c) }, gone)
				l.Value().last = &l
				end(l)
			}()
			require.NoError(t, p.Shutdown(t.Context()))
			assert.Eventually(t, func() bool {
				runtime.GC()
				select {
				case <-gone:
					return true
				default:
					return false
				}
			}, 10*time.Second, time.Millisecond, "the resource is kept for ever")
		})
	}
}
