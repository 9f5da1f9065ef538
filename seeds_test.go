package berth_test

// poolSeeds are sequences that reach what chance would take long to reach.
func poolSeeds() [][]byte {
	type op struct {
		operation
		arg byte
	}
	seed := func(config [configBytes]byte, ops ...op) []byte {
		b := config[:]
		for _, o := range ops {
			b = append(b, byte(o.operation), o.arg)
		}
		return b
	}
	// mode, MaxOpen, MaxIdle+1, MaxWaiters+1, MaxDials, Shared, times, life, MinIdle and LowLag-1
	exclusive := [configBytes]byte{modeExclusive, 2, 1, 1, 0, 1, 0}
	perKey := [configBytes]byte{modeCount + modeExclusive, 2, 1, 1, 0, 1, 0}
	shared := [configBytes]byte{modeShareable, 2, 1, 1, 0, 3, 0}
	mixed := [configBytes]byte{modeMixed, 3, 2, 4, 2, 4, 7}
	return [][]byte{
		seed(exclusive),
		// Late binding: the second waiter gets what the first releases.
		seed(exclusive, op{opAcquire, 0}, op{opDialOK, 0}, op{opAcquire, 0}, op{opRelease, 0}, op{opDialOK, 0}, op{opTryAcquire, 0}),
		// A queue at the cap, served by release, discard and hijack.
		seed(perKey, op{opAcquire, 0}, op{opAcquire, 0}, op{opAcquire, 0}, op{opAcquire, 0}, op{opAcquire, 0}, op{opDialOK, 0}, op{opDialOK, 0},
			op{opRelease, 0}, op{opHoldClose, 0}, op{opDiscard, 0}, op{opHijack, 0}, op{opCloseReturns, 0}, op{opDialFails, 0}, op{opDialOK, 0}),
		// Callers give up: kept dials, surplus dials, one that brings something.
		seed([configBytes]byte{modeExclusive, 4, 2, 1, 0, 1, 0}, op{opAcquire, 0}, op{opAcquire, 0}, op{opStubborn, 0}, op{opAcquire, 0},
			op{opCancel, 0}, op{opCancel, 0}, op{opCancel, 0}, op{opDialOK, 1}, op{opDialOK, 1}, op{opAcquire, 0}),
		// Deadlines and the times.
		seed([configBytes]byte{modeExclusive, 1, 1, 1, 0, 1, 7}, op{opAcquireDeadline, 3}, op{opAdvance, 4}, op{opAcquire, 0}, op{opAdvance, 15},
			op{opAcquire, 0}, op{opDialOK, 0}, op{opRelease, 0}, op{opAdvance, 4}, op{opTryAcquire, 0}, op{opRelease, 0}, op{opAdvance, 6}),
		// Limits that shrink and grow.
		seed(exclusive, op{opSetLimits, 4 + 5}, op{opAcquire, 0}, op{opAcquire, 0}, op{opAcquire, 0}, op{opDialOK, 0}, op{opSetLimits, 1 + 5},
			op{opRelease, 0}, op{opAcquire, 0}, op{opSetLimits, 3 + 5 + 60}, op{opRelease, 0}),
		// A new generation, with leases out, dials in flight and waiters.
		seed(exclusive, op{opAcquire, 0}, op{opDialOK, 0}, op{opStubborn, 0}, op{opAcquire, 0}, op{opAcquire, 0}, op{opReset, 0}, op{opDialOK, 0},
			op{opRelease, 0}, op{opDialOK, 0}, op{opClose, 0}, op{opDialOK, 0}),
		// A cohort on one dial, capacity that falls, drains and dies.
		seed(shared, op{opAcquire, 0}, op{opAcquire, 0}, op{opAcquire, 0}, op{opAcquire, 0}, op{opDialOK, 16}, op{opCapacity, 3}, op{opRelease, 0},
			op{opAcquire, 0}, op{opCapacity, 5}, op{opCapacity, 1}, op{opCapacity, 0}, op{opRelease, 0}, op{opDialOK, 16}),
		// What a resource is about to carry.
		seed(shared, op{opAcquire, 0}, op{opAcquire, 0}, op{opAcquire, 0}, op{opDialOK, 64}, op{opAcquire, 0}, op{opCapacity, 4}, op{opCapacity, 2}),
		// What never opens is a failed dial, of those who counted on it; what opens late is none.
		seed(shared, op{opAcquire, 0}, op{opAcquire, 0}, op{opAcquire, 0}, op{opAcquire, 0}, op{opDialOK, 112}, op{opAcquireFresh, 0}, op{opCapacity, 0},
			op{opDialOK, 48}, op{opCapacity, 1}, op{opDialOK, 48}, op{opCapacity, 3}, op{opCapacity, 0}),
		// The kind is known after the dial only.
		seed(mixed, op{opAcquire, 0}, op{opAcquire, 0}, op{opAcquire, 0}, op{opDialOK, 0}, op{opDialOK, 4}, op{opRelease, 0}, op{opDialFails, 0},
			op{opDialOK, 60}, op{opAcquire, 0}, op{opEndAgain, 0}),
		// Fresh ones at the cap and beside older dials, and a kept place.
		seed(exclusive, op{opAcquire, 0}, op{opDialOK, 0}, op{opAcquireFresh, 0}, op{opAcquire, 0}, op{opAcquireFresh, 0}, op{opRelease, 0},
			op{opDialOK, 0}, op{opAcquirePlace, 0}, op{opRelease, 0}, op{opDialOK, 0}),
		// What a fresh resource is about to carry is for those who want a fresh one, too.
		seed([configBytes]byte{modeShareable, 3, 1, 3, 0, 3, 0}, op{opAcquireFresh, 0}, op{opAcquireFresh, 0}, op{opAcquirePlace, 0}, op{opDialOK, 65}),
		// A fresh dial that makes an older one surplus.
		seed([configBytes]byte{modeExclusive, 4, 2, 3, 1, 3, 0}, op{opAcquireFresh, 0}, op{opAcquireFresh, 0}, op{opAcquire, 0}, op{opSetLimits, 48}),
		// Retire: what is idle goes, what is out goes with its leases, dials stay.
		seed(exclusive, op{opAcquire, 0}, op{opAcquire, 0}, op{opDialOK, 0}, op{opDialOK, 0}, op{opRelease, 0}, op{opAcquire, 0}, op{opAcquire, 0},
			op{opRetire, 255}, op{opRelease, 0}, op{opRetire, 4}, op{opDialOK, 0}, op{opRelease, 0}),
		seed(shared, op{opAcquire, 0}, op{opAcquire, 0}, op{opDialOK, 16}, op{opRetire, 2}, op{opAcquire, 0}, op{opRelease, 0}, op{opRelease, 0}, op{opDialOK, 16}),
		// MaxUses, of exclusive and shareable ones, with waiters and without.
		seed([configBytes]byte{modeExclusive, 1, 1, 1, 0, 1, 0, 4}, op{opAcquire, 0}, op{opDialOK, 0}, op{opAcquire, 0}, op{opAcquire, 0}, op{opRelease, 0},
			op{opRelease, 0}, op{opDialOK, 0}, op{opRelease, 0}, op{opTryAcquire, 0}, op{opRelease, 0}),
		seed([configBytes]byte{modeShareable, 2, 1, 1, 0, 3, 0, 4}, op{opAcquire, 0}, op{opDialOK, 16}, op{opAcquire, 0}, op{opAcquire, 0}, op{opRelease, 0},
			op{opRelease, 0}, op{opDialOK, 16}, op{opAcquire, 0}),
		// The end of a lifetime meets idle, leased and shared ones.
		seed([configBytes]byte{modeMixed, 3, 3, 4, 0, 1, 1, 1}, op{opAcquire, 0}, op{opAcquire, 0}, op{opAcquire, 0}, op{opDialOK, 0}, op{opDialOK, 4},
			op{opRelease, 0}, op{opAcquire, 0}, op{opAdvance, 9}, op{opTryAcquire, 0}, op{opAdvance, 0}, op{opRelease, 0}, op{opRelease, 0}, op{opDialOK, 0}),
		// A low caller: two later callers go first, and no third.
		seed([configBytes]byte{modeExclusive, 1, 1, 1, 0, 1, 0, 0, 32}, op{opAcquire, 0}, op{opDialOK, 0}, op{opAcquireLow, 0}, op{opAcquire, 0}, op{opAcquire, 0},
			op{opAcquire, 0}, op{opRelease, 0}, op{opRelease, 0}, op{opRelease, 0}, op{opRelease, 0}),
		// MinIdle beside MaxIdleTime: what is kept ready grows old, and goes when there is more.
		seed([configBytes]byte{modeExclusive, 3, 4, 1, 0, 1, 1, 0, 1}, op{opDialOK, 0}, op{opAcquire, 0}, op{opDialOK, 0}, op{opAdvance, 8}, op{opRelease, 0},
			op{opAcquire, 0}, op{opCloseIdle, 0}, op{opDialOK, 0}, op{opAdvance, 8}, op{opRetire, 255}),
		// Warm, in time and too late, beside waiters and at the limits.
		seed([configBytes]byte{modeExclusive, 3, 4, 1, 2, 1, 0, 0, 8}, op{opWarm, 3}, op{opDialOK, 0}, op{opDialOK, 0}, op{opDialOK, 0}, op{opAcquire, 0},
			op{opHijack, 0}, op{opWarm, 67}, op{opAcquire, 0}, op{opAcquire, 0}, op{opAcquire, 0}, op{opAdvance, 15}, op{opSetLimits, 2 + 5}, op{opWarm, 3},
			op{opWarm, 2}, op{opClose, 0}, op{opWarm, 1}),
		seed([configBytes]byte{modeExclusive, 4, 4, 1, 0, 1, 0, 0, 8}, op{opWarm, 3}, op{opSetLimits, 4 + 10}, op{opWarm, 1}, op{opClose, 0}),
		seed([configBytes]byte{modeShareable, 4, 2, 1, 0, 3, 0, 2, 10}, op{opDialOK, 16}, op{opWarm, 3}, op{opDialOK, 64}, op{opAcquire, 0}, op{opAcquire, 0},
			op{opSetLimits, 4 + 5}, op{opSetLimits, 4 + 10}, op{opReset, 0}, op{opDialOK, 0}),
		// Late dials: one more beside them, for who came before and after, kept and canceled, failing.
		seed([configBytes]byte{modeExclusive, 0, 0, 1, 0, 1, 0, 16}, op{opAcquire, 0}, op{opAcquire, 0}, op{opCancel, 0}, op{opAdvance, 3}, op{opAcquire, 0},
			op{opAdvance, 3}, op{opDialFails, 0}, op{opAdvance, 9}, op{opDialFails, 1}, op{opDialOK, 2}, op{opDialOK, 0}),
		seed([configBytes]byte{modeExclusive, 3, 2, 1, 0, 1, 4, 16}, op{opAcquire, 0}, op{opAdvance, 15}, op{opAcquire, 0}, op{opAcquireFresh, 0}, op{opAdvance, 3},
			op{opCancel, 0}, op{opDialOK, 0}, op{opDialOK, 0}),
		seed([configBytes]byte{modeShareable, 4, 1, 1, 3, 3, 0, 16, 1}, op{opAcquire, 0}, op{opAcquire, 0}, op{opAdvance, 3}, op{opStubborn, 0}, op{opAcquire, 0},
			op{opAdvance, 3}, op{opDialFails, 0}, op{opCancel, 0}, op{opDialOK, 16}, op{opReset, 0}, op{opDialOK, 0}),
		// Races of a release with a waiter that gives up.
		seed(exclusive, op{opAcquire, 0}, op{opAcquire, 0}, op{opDialOK, 0}, op{opDialOK, 0}, op{opAcquire, 0}, op{opReleaseCancel, 0},
			op{opAcquire, 0}, op{opAcquire, 0}, op{opCancelRelease, 0}, op{opCancelRelease, 0}),
	}
}
