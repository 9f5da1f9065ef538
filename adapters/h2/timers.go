package h2

import "time"

// afterFunc is [time.AfterFunc] for a func that calls the Conn: the Conn may be anybody's, and
// may panic.
func (r *Resource) afterFunc(d time.Duration, f func()) *time.Timer {
	return time.AfterFunc(d, func() {
		if r.panicked != nil {
			defer r.survive()
		}
		f()
	})
}

// survive hands a panic to Options.Panic. What of a look was left undone nobody knows, so the
// connection takes no more requests.
func (r *Resource) survive() {
	v := recover()
	if v == nil {
		return
	}
	r.broken.Store(true)
	defer r.reset(r.strays.timer, strayMost)
	defer func() {
		if changed := r.changed.Load(); changed != nil {
			(*changed)()
		}
	}()
	r.panicked(v)
}
