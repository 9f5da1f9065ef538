package benchmarks_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/berth-go/berth/benchmarks/load"
	"github.com/berth-go/berth/benchmarks/subject"
)

const (
	slowDial = 20 * time.Millisecond
	work     = 20 * time.Microsecond // with a resource
	burst    = 64                    // callers, and resources that there may be
)

// dialling are those whose dials can be counted: all that wait for one.
func dialling() []subject.Subject {
	return append(subject.Exclusive(), subject.Named(subject.Careful)...)
}

// 64 callers come while the one open resource is in use, 64 may be open, and a
// dial takes a thousand times as long as the work. When all have come, the resource
// is released and the dials begin: who waits for its own dial waits long; who takes
// what is released meanwhile does not. How long until all are served from then on,
// and how many dials were started for each request?
func BenchmarkSlowDial(b *testing.B) {
	each(b, dialling(), func(ctx context.Context, b *testing.B, s subject.Subject) {
		var dials int64
		var total time.Duration
		for b.Loop() {
			n, took := slowBurst(ctx, b, s)
			dials += n
			total += took
		}
		perOp(b, "dials/req", float64(dials)/burst)
		perOp(b, "burst-ns", float64(total.Nanoseconds()))
	})
}

// slowBurst returns how many dials the burst started, and how long it took.
func slowBurst(ctx context.Context, b *testing.B, s subject.Subject) (int64, time.Duration) {
	b.Helper()
	warm := true
	begin := make(chan struct{})
	dialer := &subject.Dialer{}
	dialer.Before = func(ctx context.Context) error {
		if warm { // written before the callers start
			return nil
		}
		select {
		case <-begin: // so that a dial is not under way already when the clock starts
			return load.Wait(ctx, slowDial)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	p, err := s.Open(subject.Config{Size: burst, Dial: dialer.Dial})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	if err := load.Fill(ctx, p, 1); err != nil {
		b.Fatal(err)
	}
	release, err := load.Hold(ctx, p) // in a channel it may be one more that is dialled
	if err != nil {
		b.Fatal(err)
	}
	warm = false

	before := dialer.Attempts()
	var all sync.WaitGroup
	for range burst {
		all.Go(func() {
			use(ctx, b, p, func(*subject.Resource) { load.Spin(work) })
		})
	}
	load.Settle() // else the first would be done before the last begins
	start := time.Now()
	close(begin)
	release()
	all.Wait()
	return dialer.Attempts() - before, time.Since(start)
}
