package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

func TestProgressGoesOnUntilStoppedAndLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var done atomic.Int32
		var w strings.Builder // read only while the painter sleeps
		stop := show(&w, "here", &done, 50)
		synctest.Wait()
		assert.Equal(t, "\rhere: 0 of 50 requests\x1b[K", w.String())

		done.Store(20)
		time.Sleep(interval) // fake time: the bubble's clock
		synctest.Wait()
		assert.Contains(t, w.String(), "\rhere: 20 of 50 requests\x1b[K")

		stop()
		assert.True(t, strings.HasSuffix(w.String(), "\r\x1b[K"), "the line is wiped")
		painted := w.Len()
		time.Sleep(10 * interval)
		synctest.Wait()
		assert.Equal(t, painted, w.Len(), "nothing is painted after stop")
	})
}

func TestWithoutATerminalThereIsNoProgress(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	defer f.Close()
	assert.Nil(t, terminal(f))
	var done atomic.Int32
	show(nil, "here", &done, 1)() // must not panic, nor start a goroutine that writes
}
