// Package all does the same for many things, whatever becomes of it for one of them: it
// may call funcs of a user's.
package all

// Each calls f for each of left, one after the other. The first panic goes on to the caller
// when all calls have been made, and runtime.Goexit ends the goroutine then.
func Each[T any](left []T, f func(T)) {
	if failed := each(left, f); failed != nil {
		panic(failed)
	}
}

// each is Each that returns the value of the first panic.
func each[T any](left []T, f func(T)) (failed any) {
	done := false
	defer func() {
		if !done { // runtime.Goexit: nobody is left to tell of a panic as well
			_ = each(left, f)
		}
	}()
	for len(left) > 0 {
		x := left[0]
		left = left[1:]
		if v := panicOf(func() { f(x) }); failed == nil {
			failed = v
		}
	}
	done = true
	return failed
}

// panicOf calls f and returns the value of its panic.
func panicOf(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}
