package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync"
	"time"

	"go.uber.org/atomic"
)

const (
	// patience is how long one request may take. A pool that forgets a waiter
	// shows up as an error and does not hang the program.
	patience = 10 * time.Second

	// giveUp is how many requests may fail before no more are sent: a server that
	// is not there fails them all the same way.
	giveUp = 10
)

// A load is n requests to one URL from some goroutines.
type load struct {
	url        string
	requests   int
	goroutines int
	ledger     *ledger
	// ours says that the server is one of ours: it gets the number of the request
	// and stamps the turn. Else the client does.
	ours bool
}

// An outcome is what became of a load.
type outcome struct {
	sent, failed int
	failure      error  // the first one
	protocol     string // of the last answer, as in "HTTP/1.1"
	took         time.Duration
}

// A tally is what the goroutines of a load share.
type tally struct {
	next atomic.Int32 // requests handed out so far
	sent atomic.Int32 // requests that ended, well or not

	mu struct {
		sync.Mutex
		failed   int
		failure  error
		protocol string
	}
}

// send sends the load through rt and returns when every request has ended. Each
// goroutine sends one request after the other. If ctx ends, requests in flight
// end with it, no more are sent, and those that it ended count neither as sent
// nor as failed. done counts the requests that have ended, for whoever watches.
func (l load) send(ctx context.Context, rt http.RoundTripper, done *atomic.Int32) outcome {
	// One client for all goroutines, as http.Client is meant to be used. Only its
	// Transport differs between the loads that are compared.
	client := &http.Client{Transport: stamper{inner: rt, ledger: l.ledger}, Timeout: patience}
	var t tally
	var senders sync.WaitGroup
	began := time.Now()
	for range min(l.goroutines, l.requests) {
		senders.Go(func() {
			for ctx.Err() == nil && !t.hopeless() {
				i := int(t.next.Inc()) - 1
				if i >= l.requests {
					return
				}
				protocol, err := l.one(ctx, client, i)
				if err != nil && ctx.Err() != nil {
					return // the interrupt ended it, not the server
				}
				t.note(protocol, err)
				done.Inc()
			}
		})
	}
	senders.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	return outcome{
		sent: int(t.sent.Load()), failed: t.mu.failed, failure: t.mu.failure,
		protocol: t.mu.protocol, took: time.Since(began),
	}
}

// hopeless reports whether so many requests failed that more make no sense.
func (t *tally) hopeless() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mu.failed >= giveUp
}

// note counts a request that has ended. Only the first failure is kept: with a
// server that is down they are all alike, and the rest only follow from it.
func (t *tally) note(protocol string, err error) {
	t.sent.Inc()
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		t.mu.protocol = protocol
		return
	}
	t.mu.failed++
	if t.mu.failure == nil {
		t.mu.failure = err
	}
}

// one sends request i, reads the answer to its end and returns its protocol. The
// end of the body is also the end of the lease, so nothing may be left unread.
func (l load) one(ctx context.Context, client *http.Client, i int) (string, error) {
	seen := &sighting{ledger: l.ledger}
	ctx = context.WithValue(ctx, numberKey{}, i)
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { l.ledger.ask(i) },
		GotConn: seen.gotConn,
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url, nil)
	if err != nil {
		return "", err
	}
	if l.ours {
		req.Header.Set(numberHeader, strconv.Itoa(i))
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	if !l.ours {
		seen.note(i, resp.ProtoMajor >= 2)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close() // the body was read to its end: closing it tells nothing new
	if err != nil {
		return "", fmt.Errorf("reading the answer from %s: %w", l.url, err)
	}
	// http.Client takes these for answers like any other. Here they mean that what
	// was to be measured did not happen.
	if resp.StatusCode >= 400 {
		return "", fmt.Errorf("%s answered %s", l.url, resp.Status)
	}
	return resp.Proto, nil
}

// numberKey is the key under which a request's context holds its number.
type numberKey struct{}

// A stamper stamps the call of the RoundTripper inside it, as late as it can:
// what http.Client does before is not waiting.
type stamper struct {
	inner  http.RoundTripper
	ledger *ledger
}

func (s stamper) RoundTrip(req *http.Request) (*http.Response, error) {
	if i, ok := req.Context().Value(numberKey{}).(int); ok {
		s.ledger.call(i)
	}
	return s.inner.RoundTrip(req)
}
