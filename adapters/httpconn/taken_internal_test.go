package httpconn

import (
	"testing"
	"testing/synctest"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The pool reads the capacity again when a Take has failed: were it 1 still, it would go on
// with the same connection for ever.
func TestSerialThatCannotBeTakenIsDead(t *testing.T) {
	onLine(t, 0, func(l *line) {
		require.NoError(t, l.conn.Close())
		synctest.Wait()
		require.Error(t, l.take())
		assert.Equal(t, pool.Dead, l.capacity())
	})
}
