//go:build race

package keyed_test

import "testing"

// skipUnderRace skips a test of sizes: the race detector adds to them.
func skipUnderRace(t *testing.T) { t.Skip("the race detector takes memory of its own") }
