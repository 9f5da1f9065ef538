package exchange

import (
	"cmp"
	"context"
	"fmt"

	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
)

// Shutdown closes p and waits until nothing of it is left. If ctx ends first, the
// error tells in the words of an adapter, whose package is of that name, what is
// left, and wraps ctx's.
func Shutdown[H comparable, R any](ctx context.Context, adapter string, p *keyed.Pool[H, R]) error {
	return orLeft(ctx, adapter+": shutdown", p.Shutdown, func() string {
		for h, s := range p.All() {
			if its := left(s); its != "" {
				return fmt.Sprintf("%s, to %v first", cmp.Or(left(p.Stats()), its), h)
			}
		}
		return ""
	})
}

// ShutdownHost does for one host what [Shutdown] does for all, and then the host can
// be used again.
func ShutdownHost[H comparable, R any](ctx context.Context, adapter string, p *keyed.Pool[H, R], h H) error {
	shut := func(ctx context.Context) error { return p.ShutdownKey(ctx, h) }
	return orLeft(ctx, fmt.Sprintf("%s: shutdown of %v", adapter, h), shut, func() string {
		s, _ := p.StatsFor(h)
		return left(s)
	})
}

// orLeft calls shut, and if ctx ends first, says what is left.
func orLeft(ctx context.Context, what string, shut func(context.Context) error, left func() string) error {
	if shut(ctx) == nil {
		return nil
	}
	text := left()
	if text == "" {
		if shut(ctx) == nil { // it has gone meanwhile
			return nil
		}
		text = "a hook has not returned"
	}
	// Of a strange context that is done and has no error, as package pool has it.
	return fmt.Errorf("%s: %s: %w", what, text, cmp.Or(ErrorOf(ctx), context.Canceled))
}

// left returns "" if it is no connection.
func left(s pool.Stats) string {
	if s.InUse+s.Dialing+s.Closing == 0 {
		return ""
	}
	return fmt.Sprintf("of the connections %d in use, %d dialing and %d closing are left", s.InUse, s.Dialing, s.Closing)
}
