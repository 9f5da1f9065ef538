package pool_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/berth-go/berth/pool"
	"go.uber.org/atomic"
)

// waitFor returns when so many callers wait.
func waitFor(p *pool.Pool[string], callers int) {
	for p.Stats().Waiting < callers {
		runtime.Gosched()
	}
}

// MaxWaiters bounds the queue: who would come behind it is told so at once, while
// there is still time to do something else.
func ExampleConfig_maxWaiters() {
	ctx := context.Background()
	p, _ := pool.New(pool.Config[string]{
		Dial:       numbered(),
		MaxOpen:    1,
		MaxWaiters: 1, // -1: nobody ever waits for a release
	})
	holder, _ := p.Acquire(ctx)
	served := make(chan string)
	go func() {
		lease, _ := p.Acquire(ctx)
		defer lease.Release()
		served <- lease.Value()
	}()
	waitFor(p, 1)

	_, err := p.Acquire(ctx)
	if errors.Is(err, pool.ErrWaitLimit) {
		fmt.Println("503 Service Unavailable")
	}
	holder.Release()
	fmt.Println("the one in the queue got", <-served)
	fmt.Println("rejected:", p.Stats().Rejected)
	// Output:
	// 503 Service Unavailable
	// the one in the queue got conn 1
	// rejected: 1
}

// With MaxDials a burst on a cold pool is no burst of handshakes: the callers share
// what the few dials bring.
func ExampleConfig_maxDials() {
	ctx := context.Background()
	answers := make(chan string)
	p, _ := pool.New(pool.Config[string]{
		Dial: func(ctx context.Context) (string, error) { // the handshake takes until somebody answers
			select {
			case conn := <-answers:
				return conn, nil
			case <-ctx.Done():
				return "", context.Cause(ctx)
			}
		},
		MaxDials: 1,
	})
	served := make(chan string)
	for range 3 {
		go func() {
			_ = p.Do(ctx, func(l pool.Lease[string]) error {
				served <- l.Value()
				return nil
			})
		}()
	}
	waitFor(p, 3)
	fmt.Println("waiting:", p.Stats().Waiting, "dialing:", p.Stats().Dialing)

	answers <- "conn"
	fmt.Println(<-served, <-served, <-served)
	fmt.Println("dials that made one:", p.Stats().Dials)
	_ = p.Shutdown(ctx)
	// Output:
	// waiting: 3 dialing: 1
	// conn conn conn
	// dials that made one: 1
}

// A dial belongs to the pool: when its caller gives up, it goes on and serves
// whoever comes next. MaxIdle bounds how many do.
func ExamplePool_Acquire_detachedDial() {
	ctx := context.Background()
	begun, answers := make(chan bool), make(chan string)
	p, _ := pool.New(pool.Config[string]{
		Dial: func(ctx context.Context) (string, error) {
			begun <- true
			select {
			case conn := <-answers:
				return conn, nil
			case <-ctx.Done(): // not that of the caller
				return "", context.Cause(ctx)
			}
		},
	})
	impatient, giveUp := context.WithCancel(ctx)
	go func() {
		<-begun
		giveUp()
	}()
	_, err := p.Acquire(impatient)
	fmt.Println("gave up:", errors.Is(err, context.Canceled), "dialing:", p.Stats().Dialing)

	answers <- "conn" // the peer was only slow
	lease, _ := p.Acquire(ctx)
	fmt.Println("the next one gets", lease.Value())
	lease.Release()
	fmt.Println("dials:", p.Stats().Dials, "canceled:", p.Stats().DialsCanceled)
	// Output:
	// gave up: true dialing: 1
	// the next one gets conn
	// dials: 1 canceled: 0
}

// A dial hangs, and the caller that it was made for gives up. Who comes after it counts
// on that dial, but not for longer than RedialAfter.
func ExampleConfig_redialAfter() {
	impatient, giveUp := context.WithCancel(context.Background())
	var dials atomic.Int32
	p, _ := pool.New(pool.Config[string]{
		Dial: func(ctx context.Context) (string, error) {
			n := dials.Add(1)
			if n == 1 {
				giveUp()
				<-ctx.Done() // a peer that accepts and says nothing
				return "", context.Cause(ctx)
			}
			return fmt.Sprint("conn ", n), nil
		},
		DialTimeout: time.Minute,
		RedialAfter: 10 * time.Millisecond, // for a network: more than a dial takes that goes well
	})
	_, err := p.Acquire(impatient)
	fmt.Println(errors.Is(err, context.Canceled))

	lease, _ := p.Acquire(context.Background())
	fmt.Println(lease.Value())
	lease.Release()
	fmt.Println("still dialing:", p.Stats().Dialing)
	_ = p.Close() // ends that dial
	// Output:
	// true
	// conn 2
	// still dialing: 1
}
