//go:build !race

package waitq_test

import "testing"

// skipUnderRace skips a test of allocations: under the race detector a sync.Pool throws
// away some of what it is given.
func skipUnderRace(*testing.T) {}
