package lane

import "unsafe"

// spot returns an index below width that is mostly another for another goroutine:
// it goes by the place of its stack.
func spot(salt, width uint32) uint32 {
	var here byte
	h := uint32(uintptr(unsafe.Pointer(&here)) >> 11)                //nolint:gosec // only a number: nothing is read through it
	return uint32(uint64((h^salt)*0x9E3779B1) * uint64(width) >> 32) //nolint:gosec // below width
}
