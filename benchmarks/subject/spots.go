package subject

import (
	"sync/atomic"
	"unsafe"
)

const (
	golden     = 0x9E3779B1 // spreads numbers that follow each other
	mostSpread = 64         // clashes after which other cells are no longer looked for
)

// spots say where a goroutine looks first. They are read by every lease and hardly
// ever written.
type spots struct {
	spread  atomic.Uint32 // the factor of spot; golden at first
	clashes atomic.Uint32
}

// spot returns an index below n that is mostly another for another goroutine: it
// goes by the place of its stack.
func (s *spots) spot(n uint32) uint32 {
	const smallestStack = 11 // as a power of two
	var here byte
	h := uint32(uintptr(unsafe.Pointer(&here))>>smallestStack) * s.spread.Load()
	return uint32(uint64(h) * uint64(n) >> 32)
}

// clash makes goroutines that met at one cell go to others from now on.
func (s *spots) clash() {
	if s.clashes.Load() < mostSpread && s.clashes.Add(1) <= mostSpread {
		s.spread.Store(s.spread.Load()*golden | 1)
	}
}
