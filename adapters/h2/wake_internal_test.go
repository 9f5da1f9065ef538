package h2

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestOnlyAConnectionOfNetHTTPOnWhichNobodyHasTheTurnIsWoken(t *testing.T) {
	for name, tt := range map[string]struct {
		std, turn bool
		err       error
		want      int
	}{
		"one":                     {std: true, want: 1},
		"of another kind":         {want: 0},
		"somebody is to begin":    {std: true, turn: true, want: 0},
		"that is closed":          {std: true, err: errors.New("lost"), want: 0},
		"of another kind, closed": {err: errors.New("lost"), want: 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := &sleeper{err: tt.err}
			r := &Resource{conn: c, isStd: tt.std, start: make(chan struct{}, 1)}
			if tt.turn {
				r.start <- struct{}{}
			}
			r.wake()
			assert.Equal(t, tt.want, c.nudges)
			assert.Equal(t, tt.want, c.reserved, "each ends a reservation: another's, if not its own")
			assert.Equal(t, tt.turn, len(r.start) > 0)
		})
	}
}
