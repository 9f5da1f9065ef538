package h2_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/berth-go/berth/adapters/h2"
)

// A prices connection speaks a protocol that is not HTTP: numbered questions, and
// answers that come in any order. It is an h2.Conn, and an h2.Notifier too.
type prices struct {
	wire    net.Conn
	done    chan struct{} // closed when read has returned
	changed func()        // called without mu, as it calls Available and the like

	send sync.Mutex // held while a question is written

	mu      sync.Mutex
	max     int // questions at once
	claimed int
	last    int                    // number given to a question
	waiting map[int]chan<- message // by number
	err     error                  // why the connection is of no use
}

type message struct {
	Number int
	Text   string
}

func newPrices(wire net.Conn, maxAtOnce int) *prices {
	return &prices{wire: wire, max: maxAtOnce, waiting: make(map[int]chan<- message), done: make(chan struct{})}
}

// Notify is called before anything else, so what changed is set when read starts.
func (c *prices) Notify(changed func()) {
	c.changed = changed
	go c.read()
}

func (c *prices) Reserve() error {
	c.mu.Lock()
	if c.err != nil || c.claimed >= c.max {
		defer c.mu.Unlock()
		return errors.Join(errors.New("prices: no room for a question"), c.err)
	}
	c.claimed++
	c.mu.Unlock()
	c.changed()
	return nil
}

func (c *prices) Release() {
	c.mu.Lock()
	c.claimed--
	c.mu.Unlock()
	c.changed()
}

func (c *prices) Available() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.max - c.claimed
}

func (c *prices) InFlight() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.claimed
}

func (c *prices) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *prices) Close() error {
	err := c.wire.Close()
	<-c.done
	return err
}

func (c *prices) RoundTrip(req *http.Request) (*http.Response, error) {
	defer c.Release() // an answer comes as a whole, so the stream ends with it
	if req.Body != nil {
		defer req.Body.Close()
	}
	text, err := c.ask(req.Context(), strings.TrimPrefix(req.URL.Path, "/"))
	if err != nil {
		return nil, err
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Header: make(http.Header), Request: req,
		ContentLength: int64(len(text)), Body: io.NopCloser(strings.NewReader(text)),
	}, nil
}

func (c *prices) ask(ctx context.Context, question string) (string, error) {
	answer := make(chan message, 1)
	c.mu.Lock()
	if c.err != nil {
		defer c.mu.Unlock()
		return "", c.err
	}
	c.last++
	number := c.last
	c.waiting[number] = answer
	c.mu.Unlock()

	c.send.Lock()
	err := json.NewEncoder(c.wire).Encode(message{number, question})
	c.send.Unlock()
	if err != nil {
		_ = c.wire.Close() // half a question may be out, so read ends with the connection
		return "", err
	}
	select {
	case m, ok := <-answer:
		if !ok {
			return "", c.Err()
		}
		return m.Text, nil
	case <-ctx.Done():
		return "", ctx.Err() // the late answer goes into the channel, and away with it
	}
}

// read hands out answers until the connection ends.
func (c *prices) read() {
	defer close(c.done)
	in := json.NewDecoder(c.wire)
	for {
		var m message
		err := in.Decode(&m)
		c.mu.Lock()
		if err != nil {
			c.err = fmt.Errorf("prices: connection lost: %w", err)
			for _, answer := range c.waiting {
				close(answer)
			}
			c.mu.Unlock()
			c.changed()
			return
		}
		if answer, ok := c.waiting[m.Number]; ok {
			delete(c.waiting, m.Number)
			answer <- m // has room for one
		}
		c.mu.Unlock()
	}
}

// priceServer answers three questions at a time, the last one first: whoever asked
// one at a time would wait for ever.
func priceServer(wire net.Conn) {
	defer wire.Close()
	in, out := json.NewDecoder(wire), json.NewEncoder(wire)
	for {
		var batch [3]message
		for i := range batch {
			if err := in.Decode(&batch[i]); err != nil {
				return
			}
		}
		for _, m := range slices.Backward(batch[:]) {
			if err := out.Encode(message{m.Number, fmt.Sprint(m.Text, " costs ", len(m.Text))}); err != nil {
				return
			}
		}
	}
}

// Dial may bring a connection of any protocol that carries several requests at once.
// It gets the fair queue and the caps that HTTP/2 has: here three callers share one
// connection.
func ExampleConfig_dial() {
	transport, err := h2.New(h2.Config{
		MaxConnsPerHost: 1,
		Dial: func(context.Context, h2.Host) (h2.Conn, error) {
			client, server := net.Pipe() // in a program: a net.Dialer, with ctx and the host's Addr
			go priceServer(server)
			return newPrices(client, 10), nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	client := &http.Client{Transport: transport}

	goods := []string{"tea", "bread", "cheese"}
	answers := make([]string, len(goods))
	var asking sync.WaitGroup
	for i, name := range goods {
		asking.Go(func() {
			resp, err := client.Get("http://prices.example/" + name)
			if err != nil {
				answers[i] = err.Error()
				return
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				answers[i] = err.Error()
				return
			}
			answers[i] = string(body)
		})
	}
	asking.Wait()
	fmt.Println(strings.Join(answers, "\n"))
	fmt.Println("connections:", transport.Stats().Dials)
	fmt.Println("shutdown:", transport.Shutdown(context.Background()))
	// Output:
	// tea costs 3
	// bread costs 5
	// cheese costs 6
	// connections: 1
	// shutdown: <nil>
}
