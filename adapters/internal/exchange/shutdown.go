package exchange

import (
	"cmp"
	"context"
	"fmt"
	"iter"

	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
)

// Shutdown closes p and waits until nothing of it is left. If ctx ends first, the
// error tells in the words of an adapter, whose package is of that name, what is
// left, and wraps ctx's.
func Shutdown[H comparable, R any](ctx context.Context, adapter string, p *keyed.Pool[H, R]) error {
	if p.Shutdown(ctx) == nil {
		return nil
	}
	what := adapter + ": shutdown"
	if h, found := first(p.All()); found {
		return fmt.Errorf("%s: %s, to %v first: %w", what, left(p.Stats()), h, ended(ctx))
	}
	if p.Shutdown(ctx) == nil { // what was left has gone meanwhile
		return nil
	}
	return fmt.Errorf("%s: a hook has not returned: %w", what, ended(ctx))
}

// ShutdownHost does for one host what [Shutdown] does for all, and then the host can
// be used again.
func ShutdownHost[H comparable, R any](ctx context.Context, adapter string, p *keyed.Pool[H, R], h H) error {
	if p.ShutdownKey(ctx, h) == nil {
		return nil
	}
	if s, _ := p.StatsFor(h); isLeft(s) {
		return fmt.Errorf("%s: shutdown of %v: %s: %w", adapter, h, left(s), ended(ctx))
	}
	if p.ShutdownKey(ctx, h) == nil { // as above
		return nil
	}
	return fmt.Errorf("%s: shutdown of %v: a hook has not returned: %w", adapter, h, ended(ctx))
}

// first returns a host of which a connection is left.
func first[H comparable](all iter.Seq2[H, pool.Stats]) (h H, found bool) {
	for h, s := range all {
		if isLeft(s) {
			return h, true
		}
	}
	return h, false
}

func isLeft(s pool.Stats) bool { return s.InUse+s.Dialing+s.Closing > 0 }

func left(s pool.Stats) string {
	return fmt.Sprintf("of the connections %d in use, %d dialing and %d closing are left", s.InUse, s.Dialing, s.Closing)
}

// ended returns the error of a context that is done, also of a strange one that has none.
func ended(ctx context.Context) error { return cmp.Or(ErrorOf(ctx), context.Canceled) }
