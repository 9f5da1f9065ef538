package pool

// Deadlines returns how many deadlines are set.
func Deadlines[R any](p *Pool[R]) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.mu.deadlines)
}
