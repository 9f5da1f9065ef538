package benchmarks_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/berth-go/berth/benchmarks/load"
	"github.com/berth-go/berth/benchmarks/subject"
)

const (
	outage     = 100 * time.Millisecond
	failedDial = time.Millisecond
	again      = 5 * time.Millisecond // before a caller who got an error tries again
)

var errDown = errors.New("the backend is down")

// The backend is down for 100 ms: each dial fails after 1 ms, 64 callers want one
// of 8 resources and try again 5 ms after an error. How many dials does the
// backend see meanwhile, how many errors each caller, and how long after it is
// back has every caller been served?
func BenchmarkOutage(b *testing.B) {
	each(b, dialling(), func(ctx context.Context, b *testing.B, s subject.Subject) {
		var sum outcome
		for b.Loop() {
			sum = sum.plus(sufferOutage(ctx, b, s))
		}
		perOp(b, "dials/outage", float64(sum.dials))
		perOp(b, "errors/caller", float64(sum.errs)/burst)
		perOp(b, "recovery-ns", float64(sum.recovery.Nanoseconds()))
	})
}

type outcome struct {
	dials, errs int64
	recovery    time.Duration
}

func (o outcome) plus(p outcome) outcome {
	return outcome{o.dials + p.dials, o.errs + p.errs, o.recovery + p.recovery}
}

func sufferOutage(ctx context.Context, b *testing.B, s subject.Subject) outcome {
	b.Helper()
	var up atomic.Bool
	dialer := &subject.Dialer{Before: func(ctx context.Context) error {
		if up.Load() {
			return nil
		}
		return errors.Join(load.Wait(ctx, failedDial), errDown)
	}}
	p, err := s.Open(subject.Config{Size: cap8, Dial: dialer.Dial})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()

	var errs atomic.Int64
	var all sync.WaitGroup
	for range burst {
		all.Go(func() {
			for p.Use(ctx, func(*subject.Resource) { load.Spin(work) }) != nil {
				errs.Add(1)
				if load.Wait(ctx, again) != nil {
					b.Error("a caller was never served")
					return
				}
			}
		})
	}
	_ = load.Wait(ctx, outage)
	dials := dialer.Attempts()
	up.Store(true)
	back := time.Now()
	all.Wait()
	return outcome{dials, errs.Load(), time.Since(back)}
}
