package pool_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/berth-go/berth/pool"
)

func TestSmoke(t *testing.T) {
	var open, made atomic.Int32
	p, err := pool.New(pool.Config[int]{
		Dial: func(context.Context) (int, error) {
			if open.Add(1) > 4 {
				panic("over cap")
			}
			return int(made.Add(1)), nil
		},
		Close:   func(int) error { open.Add(-1); return nil },
		MaxOpen: 4,
	})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for range 1000 {
				l, err := p.Acquire(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				l.Release()
			}
		})
	}
	wg.Wait()
	t.Logf("%+v", p.Stats())
	if err := p.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", p.Stats())
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	q, _ := pool.New(pool.Config[int]{Dial: func(context.Context) (int, error) { return 1, nil }})
	l, _ := q.Acquire(ctx)
	l.Release()
	t.Log(testing.AllocsPerRun(1000, func() { l, _ := q.Acquire(ctx); l.Release() }))
}

func BenchmarkAcquireRelease(b *testing.B) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	q, _ := pool.New(pool.Config[int]{Dial: func(context.Context) (int, error) { return 1, nil }})
	b.ReportAllocs()
	for b.Loop() {
		l, _ := q.Acquire(ctx)
		l.Release()
	}
}
