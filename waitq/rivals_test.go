package waitq_test

import (
	"context"
	"runtime"
	"sync"
	"testing"

	"github.com/berth-go/berth/waitq"
	"golang.org/x/sync/semaphore"
)

// slots is what the rivals are compared by: a counted number of slots. It is the
// least that anybody builds on a queue of waiters.
type slots interface {
	acquire(ctx context.Context) error
	release()
}

// queueSlots is built on a Queue: a count, and waiters once it is zero.
type queueSlots struct {
	q  waitq.Queue[struct{}]
	mu struct {
		sync.Mutex
		free int
	}
}

func newQueueSlots(n int) slots {
	s := new(queueSlots)
	s.mu.free = n
	return s
}

func (s *queueSlots) acquire(ctx context.Context) error {
	s.mu.Lock()
	if s.mu.free > 0 { // then nobody waits: release sees to that
		s.mu.free--
		s.mu.Unlock()
		return nil
	}
	w := s.q.Enqueue(ctx)
	s.mu.Unlock()
	_, err := w.Wait()
	return err
}

func (s *queueSlots) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.q.Deliver(struct{}{}) {
		s.mu.free++
	}
}

// channelSlots is a buffered channel that holds the free slots.
type channelSlots chan struct{}

func newChannelSlots(n int) slots {
	c := make(channelSlots, n)
	for range n {
		c <- struct{}{}
	}
	return c
}

func (c channelSlots) acquire(ctx context.Context) error {
	select {
	case <-c:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c channelSlots) release() { c <- struct{}{} }

// semaphoreSlots is golang.org/x/sync/semaphore.
type semaphoreSlots struct{ *semaphore.Weighted }

func newSemaphoreSlots(n int) slots { return semaphoreSlots{semaphore.NewWeighted(int64(n))} }

func (s semaphoreSlots) acquire(ctx context.Context) error { return s.Acquire(ctx, 1) }
func (s semaphoreSlots) release()                          { s.Release(1) }

func rivals() []struct {
	name string
	make func(n int) slots
} {
	return []struct {
		name string
		make func(n int) slots
	}{
		{"waitq", newQueueSlots},
		{"channel", newChannelSlots},
		{"semaphore", newSemaphoreSlots},
	}
}

// The rivals must do the same work before their times are compared.
func TestRivalsAreRight(t *testing.T) {
	for _, rival := range rivals() {
		t.Run(rival.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := rival.make(2)
				inside, most := 0, 0
				var mu sync.Mutex
				var crowd sync.WaitGroup
				for range 20 {
					crowd.Go(func() {
						if s.acquire(t.Context()) != nil {
							return
						}
						mu.Lock()
						inside++
						most = max(most, inside)
						mu.Unlock()
						defer s.release()
						mu.Lock()
						inside--
						mu.Unlock()
					})
				}
				crowd.Wait()
				if most < 1 || most > 2 {
					t.Errorf("%d had one of 2 slots at the same time", most)
				}
				for range 2 {
					if err := s.acquire(t.Context()); err != nil {
						t.Error(err)
					}
				}
				if s.acquire(doneContext()) == nil {
					t.Error("a third slot appeared")
				}
			})
		})
	}
}

// What does it cost to wake another goroutine and be woken by it? Two take turns.
func BenchmarkPingPong(b *testing.B) {
	for _, rival := range rivals() {
		b.Run(rival.name, func(b *testing.B) {
			ctx, cancel := context.WithCancel(b.Context())
			ping, pong := rival.make(1), rival.make(1)
			_, _ = ping.acquire(ctx), pong.acquire(ctx) // both must sleep from the start
			var other sync.WaitGroup
			other.Go(func() {
				for ping.acquire(ctx) == nil {
					pong.release()
				}
			})
			b.ReportAllocs()
			for b.Loop() {
				ping.release()
				_ = pong.acquire(ctx)
			}
			cancel()
			other.Wait()
		})
	}
}

// What does a slot cost when many more want one than there are? Each holds it over
// one Gosched: else the crowd would run one after the other and hardly ever wait.
func BenchmarkCrowd(b *testing.B) {
	for _, rival := range rivals() {
		b.Run(rival.name, func(b *testing.B) {
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			s := rival.make(8)
			b.ReportAllocs()
			b.SetParallelism(64)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if s.acquire(ctx) == nil {
						runtime.Gosched()
						s.release()
					}
				}
			})
		})
	}
}
