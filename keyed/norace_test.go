//go:build !race

package keyed_test

import "testing"

// skipUnderRace skips a test of sizes: the race detector adds to them.
func skipUnderRace(*testing.T) {}
