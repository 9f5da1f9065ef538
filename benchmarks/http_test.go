package benchmarks_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/berth-go/berth/benchmarks/httpsubject"
)

const (
	httpCallers = 64 // requests at once where they exceed the connections
	http2Limit  = 250
)

// eachHTTP runs a workload on every client that keep is true for.
func eachHTTP(b *testing.B, keep func(httpsubject.Subject) bool, f func(ctx context.Context, b *testing.B, s httpsubject.Subject)) {
	b.Helper()
	for _, s := range httpsubject.All() {
		if !keep(s) {
			continue
		}
		b.Run("subject="+s.Name, func(b *testing.B) {
			ctx, cancel := context.WithTimeout(b.Context(), patience)
			defer cancel()
			f(ctx, b, s)
		})
	}
}

func dial(b *testing.B, s httpsubject.Subject, server *httpsubject.Server, conns int) httpsubject.Client {
	b.Helper()
	c, err := s.Open(server, conns)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	return c
}

func get(ctx context.Context, b *testing.B, c httpsubject.Client) {
	if err := c.Get(ctx); err != nil {
		b.Error(err)
	}
}

// A server is this program again.
func TestMain(m *testing.M) {
	httpsubject.ServeIfAsked()
	os.Exit(m.Run())
}

// serving fails the benchmark if the server did not start, and ends it with it.
func serving(b *testing.B, server *httpsubject.Server, err error) *httpsubject.Server {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := server.Close(); err != nil {
			b.Error(err)
		}
	})
	return server
}

func http1Server(b *testing.B) *httpsubject.Server {
	b.Helper()
	server, err := httpsubject.NewHTTP1()
	return serving(b, server, err)
}

func http2Server(b *testing.B) *httpsubject.Server {
	b.Helper()
	server, err := httpsubject.NewHTTP2(http2Limit)
	return serving(b, server, err)
}

// What does a small GET cost on a connection that is there, for one caller? The
// server is another process: its allocations are in no row, its time is.
func BenchmarkHTTP1(b *testing.B) {
	server := http1Server(b)
	eachHTTP(b, func(httpsubject.Subject) bool { return true }, func(ctx context.Context, b *testing.B, s httpsubject.Subject) {
		c := dial(b, s, server, cap8)
		get(ctx, b, c)
		b.ReportAllocs()
		for b.Loop() {
			get(ctx, b, c)
		}
	})
}

// The same for 64 callers with at most 8 connections.
func BenchmarkHTTP1Load(b *testing.B) {
	server := http1Server(b)
	eachHTTP(b, func(httpsubject.Subject) bool { return true }, func(ctx context.Context, b *testing.B, s httpsubject.Subject) {
		c := dial(b, s, server, cap8)
		together(httpCallers, func() { get(ctx, b, c) })
		spread(b, httpCallers)
		b.ReportAllocs()
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				get(ctx, b, c)
			}
		})
	})
}

func http2Only(s httpsubject.Subject) bool { return !s.HTTP1Only }

// What does a request cost as one of n streams at once, over HTTP/2 and TLS? A
// connection of the server carries 250, and there may be 8.
func BenchmarkHTTP2(b *testing.B) {
	counts := []int{10, 100, 1_000}
	if testing.Short() {
		counts = []int{10}
	}
	server := http2Server(b)
	eachHTTP(b, http2Only, func(ctx context.Context, b *testing.B, s httpsubject.Subject) {
		for _, n := range counts {
			b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
				before := server.Conns()
				c := dial(b, s, server, cap8)
				together(n, func() { get(ctx, b, c) })
				spread(b, n)
				b.ReportAllocs()
				b.ResetTimer()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						get(ctx, b, c)
					}
				})
				b.ReportMetric(float64(server.Conns()-before), "conns")
			})
		}
	})
}

// 50 requests come at once to a host that was never met. How many connections are
// dialled, and how long does it take until all have their answer?
func BenchmarkColdBurst(b *testing.B) {
	const requests = 50
	server := http2Server(b)
	pools := func(s httpsubject.Subject) bool { return http2Only(s) && !s.NoPool }
	eachHTTP(b, pools, func(ctx context.Context, b *testing.B, s httpsubject.Subject) {
		var dials int64
		var total time.Duration
		for b.Loop() {
			before := server.Conns()
			c, err := s.Open(server, 0)
			if err != nil {
				b.Fatal(err)
			}
			start := time.Now()
			together(requests, func() { get(ctx, b, c) })
			total += time.Since(start)
			dials += server.Conns() - before
			c.Close()
		}
		perOp(b, "dials/burst", float64(dials))
		perOp(b, "burst-ns", float64(total.Nanoseconds()))
	})
}

// together runs f in n goroutines that start at once.
func together(n int, f func()) {
	start := make(chan struct{})
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			<-start
			f()
		})
	}
	close(start)
	all.Wait()
}
