package pool_test

import (
	"testing"

	"go.uber.org/goleak"
)

// A pool that was shut down has left nothing behind, so whatever goroutine runs
// on after the tests is one that a pool forgot (I10).
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
