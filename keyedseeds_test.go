package berth_test

// keyedSeeds are sequences that reach what chance would take long to reach.
func keyedSeeds() [][]byte {
	type op struct {
		keyedOperation
		arg byte
	}
	seed := func(config [keyedConfigBytes]byte, ops ...op) []byte {
		b := config[:]
		for _, o := range ops {
			b = append(b, byte(o.keyedOperation), o.arg)
		}
		return b
	}
	// shareable, total MaxOpen, MaxIdle, MaxWaiters+1, MaxDials, per key MaxOpen, MaxIdle+1, MaxWaiters+1, MaxDials, Shared-1, times and life
	one := [keyedConfigBytes]byte{0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0}
	two := [keyedConfigBytes]byte{0, 2, 1, 1, 0, 1, 1, 1, 0, 0, 0}
	mixed := [keyedConfigBytes]byte{1, 3, 2, 1, 2, 2, 2, 1, 1, 2, 1}
	return [][]byte{
		seed(one),
		// Two keys take turns with one slot.
		seed(one, op{kopAcquire, 0}, op{kopDialOK, 0}, op{kopAcquire, 1}, op{kopAcquire, 0}, op{kopRelease, 0}, op{kopDialOK, 0}, op{kopRelease, 0}, op{kopDialOK, 0}),
		// An idle resource of another key makes room.
		seed(two, op{kopAcquire, 0}, op{kopDialOK, 0}, op{kopRelease, 0}, op{kopAcquire, 1}, op{kopDialOK, 0}, op{kopHoldClose, 0}, op{kopAcquire, 2}, op{kopCloseReturns, 0}, op{kopDialOK, 0}),
		// Keys at their own cap are passed over.
		seed(two, op{kopAcquire, 0}, op{kopDialOK, 0}, op{kopAcquire, 0}, op{kopAcquire, 1}, op{kopDialOK, 0}, op{kopAcquire, 2}, op{kopRelease, 1}, op{kopDialFails, 0}),
		// Dials that nobody waits for make room.
		seed(one, op{kopStubborn, 0}, op{kopAcquire, 0}, op{kopCancel, 0}, op{kopAcquire, 1}, op{kopDialFails, 0}, op{kopDialOK, 0}),
		// Totals that shrink and grow, and a reset.
		seed(two, op{kopAcquire, 0}, op{kopAcquire, 1}, op{kopAcquire, 2}, op{kopDialOK, 0}, op{kopSetTotals, 19}, op{kopRelease, 0}, op{kopSetTotals, 22}, op{kopDialOK, 0}, op{kopReset, 0}),
		// Shareable resources that drain for another key.
		seed(mixed, op{kopAcquire, 0}, op{kopAcquire, 0}, op{kopDialOK, 24}, op{kopAcquire, 1}, op{kopDialOK, 32}, op{kopAcquire, 2}, op{kopDialOK, 0}, op{kopAcquire, 2},
			op{kopCapacity, 3}, op{kopDiscard, 0}, op{kopRelease, 0}, op{kopResetKey, 1}),
		// Late dials make room for another key, and get one more while nobody else needs a slot.
		seed([keyedConfigBytes]byte{0, 3, 1, 1, 0, 0, 1, 1, 0, 0, 128}, op{kopAcquire, 0}, op{kopAdvance, 3}, op{kopAdvance, 3}, op{kopAcquire, 1}, op{kopAdvance, 3},
			op{kopDialFails, 0}, op{kopAcquire, 2}, op{kopDialOK, 0}, op{kopAdvance, 3}, op{kopCancel, 0}, op{kopDialOK, 0}, op{kopDialOK, 0}),
		// Retire makes room for another key.
		seed(two, op{kopAcquire, 0}, op{kopAcquire, 1}, op{kopDialOK, 0}, op{kopDialOK, 0}, op{kopAcquire, 2}, op{kopRelease, 0}, op{kopRetire, 255},
			op{kopRelease, 0}, op{kopDialOK, 0}),
		// ShutdownKey with a lease, a waiter, a dial and a held Close; then the key is as new.
		seed([keyedConfigBytes]byte{0, 3, 0, 0, 0, 2, 1, 1, 0, 0, 0}, op{kopAcquire, 0}, op{kopDialOK, 0}, op{kopAcquire, 0}, op{kopAcquire, 0},
			op{kopStubborn, 0}, op{kopAcquire, 1}, op{kopHoldClose, 0}, op{kopShutdownKey, 0}, op{kopAcquire, 0}, op{kopTryAcquire, 0},
			op{kopDialOK, 0}, op{kopRelease, 0}, op{kopCloseReturns, 0}, op{kopCloseReturns, 0}, op{kopAcquire, 0}, op{kopDialOK, 0}),
		// ShutdownKey that is given up, and called again; its slot is for another key.
		seed(one, op{kopAcquire, 0}, op{kopDialOK, 0}, op{kopAcquire, 1}, op{kopShutdownKey, 3}, op{kopAdvance, 9}, op{kopAcquire, 0}, op{kopShutdownKey, 0},
			op{kopRelease, 0}, op{kopDialOK, 0}, op{kopAcquire, 0}, op{kopShutdownKey, 1}, op{kopRelease, 0}),
		// A lease on a dead resource outlives its key.
		seed(mixed, op{kopAcquire, 0}, op{kopDialOK, 24}, op{kopCapacity, 0}, op{kopShutdownKey, 0}, op{kopAcquire, 0}, op{kopDialOK, 24}, op{kopRelease, 0}),
		// Uses and lifetimes that end while other keys wait.
		seed([keyedConfigBytes]byte{0, 2, 0, 1, 0, 2, 2, 1, 0, 0, 32 + 64}, op{kopAcquire, 0}, op{kopAcquire, 1}, op{kopDialOK, 0}, op{kopDialOK, 0},
			op{kopRelease, 0}, op{kopAcquire, 0}, op{kopAcquire, 2}, op{kopRelease, 0}, op{kopAdvance, 9}, op{kopAdvance, 0}, op{kopDialOK, 0}, op{kopRelease, 0}),
		// A dial that ends gives its permit to the oldest caller of any key.
		seed([keyedConfigBytes]byte{0, 3, 1, 5, 2, 1, 1, 2, 2, 0, 0},
			op{kopAcquire, 0}, op{kopAcquireDeadline, 2}, op{kopDialOK, 0}, op{kopAcquire, 1}, op{kopSetTotals, 110}, op{kopDialOK, 0}, op{kopDialOK, 0},
		),
		seed([keyedConfigBytes]byte{0, 2, 2, 5, 2, 2, 1, 4, 0, 0, 0},
			op{kopAcquire, 0}, op{kopHoldClose, 0}, op{kopAcquire, 1}, op{kopDialOK, 0}, op{kopDiscard, 0}, op{kopCancel, 0}, op{kopAcquire, 2},
			op{kopDialOK, 0}, op{kopAcquire, 0}, op{kopAcquire, 0}, op{kopCancel, 1}, op{kopAcquire, 0}, op{kopAcquireDeadline, 1}, op{kopCancel, 1},
			op{kopAcquire, 2}, op{kopCloseReturns, 0}, op{kopCancel, 0}, op{kopDialOK, 0},
		),
		// A slot that was coming for a caller goes to an older one, or lacks a permit.
		seed([keyedConfigBytes]byte{0, 2, 0, 0, 2, 1, 3, 1, 1, 0, 6},
			op{kopSetTotals, 211}, op{kopStubborn, 0}, op{kopAcquire, 0}, op{kopReset, 0}, op{kopAcquire, 1}, op{kopDialFails, 0}, op{kopAcquire, 0},
			op{kopAcquire, 0},
		),
		seed([keyedConfigBytes]byte{0, 5, 0, 0, 3, 3, 2, 0, 0, 0, 6},
			op{kopAcquire, 0}, op{kopAcquire, 0}, op{kopAcquire, 0}, op{kopCancel, 0}, op{kopSetTotals, 123}, op{kopAcquire, 1},
		),
		seed([keyedConfigBytes]byte{0, 3, 1, 5, 2, 1, 1, 2, 2, 0, 0},
			op{kopAcquire, 0}, op{kopAcquireDeadline, 2}, op{kopDialOK, 0}, op{kopAcquire, 1}, op{kopSetTotals, 110},
			op{kopSetTotals, 119}, op{kopReset, 7}, op{kopAcquire, 7},
		),
	}
}
