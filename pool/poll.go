package pool

// The lock is held for some hundred nanoseconds. By the rule of sync.Mutex, who finds it
// taken sleeps at once if other goroutines are ready to run on its processor, and in a
// crowd there always are. To sleep and to be woken takes several times as long as that. So
// the lock is polled first, for about as long as it may be held.
const (
	polls   = 30
	pollGap = 40 // empty rounds between two polls, since each disturbs whoever has the lock
)

// await takes the lock, which was found taken.
func (p *Pool[R]) await() {
	for range polls {
		for range pollGap {
		}
		if p.mu.TryLock() {
			return
		}
	}
	p.mu.Lock()
}
