// Package model is a second pool, written to be read and not to be fast. It is
// what the tests compare the real ones with.
//
// One mutex guards everything. The state is three slices: waiters, dials in
// flight and open resources. Nothing is counted as it changes; what a rule needs
// it counts there and then. After every change the rules run, the first that
// applies and then from the top again, until none applies. So what the model does
// depends on the state alone and not on how it came about.
//
// It leaves out what is settled in the caller's goroutine and not by the state:
// Take, Check and Recycle, panics of the Config funcs, and the Budget; and what
// chance decides: jitter, and the backoff that follows a failed dial.
package model
