package keyed_test

import (
	"context"
	"errors"
	"testing"

	"github.com/berth-go/berth/keyed"
	"github.com/stretchr/testify/require"
)

// Take refuses a lease of the lane, the key has nothing left then and is forgotten,
// and what it has counted must be right by then.
func TestCallWhoseTakeRefusesTheLastResourceOfAKeyCountsOnce(t *testing.T) {
	for _, try := range []bool{false, true} {
		refuse := false
		p, err := keyed.New(keyed.Config[string, int]{
			Dial: func(context.Context, string) (int, error) { return 1, nil },
			Take: func(int) error {
				if refuse {
					refuse = false
					return errors.New("no")
				}
				return nil
			},
		})
		require.NoError(t, err)
		n := 0
		for range 20 {
			l, err := p.Acquire(context.Background(), "a")
			require.NoError(t, err)
			l.Release()
			n++
		}
		s := p.Stats()
		require.EqualValues(t, n, s.Acquires)
		refuse = true
		if try {
			_, ok := p.TryAcquire("a")
			require.False(t, ok)
		} else {
			l, err := p.Acquire(context.Background(), "a")
			require.NoError(t, err)
			n++
			l.Release()
		}
		s = p.Stats()
		require.EqualValues(t, n, s.Acquires, "try %v", try)
	}
}
