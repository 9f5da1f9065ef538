package berth_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"

	"github.com/berth-go/berth/adapters/httpconn"
	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
)

// Three requests over one TCP connection: the first dials it, the others reuse it.
func Example() {
	addr, accepted, stop := echoServer()
	defer stop()
	ctx := context.Background()
	dial := func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", addr)
	}

	conns, err := pool.New(pool.Config[net.Conn]{Dial: dial, Close: net.Conn.Close, MaxOpen: 4})
	if err != nil {
		fmt.Println(err)
		return
	}
	ask := func(request string) error {
		lease, err := conns.Acquire(ctx) // an idle one, else the first to be released or dialled
		if err != nil {
			return err
		}
		defer lease.Release() // does nothing after a Discard
		if err := echo(lease.Value(), request); err != nil {
			lease.Discard(err) // broken: it is closed, and its slot goes to the next waiter
			return err
		}
		return nil
	}

	for _, request := range []string{"one", "two", "three"} {
		if err := ask(request); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println("connections dialled:", conns.Stats().Dials)
	fmt.Println("accepted by the server:", accepted())
	fmt.Println("shutdown:", conns.Shutdown(ctx)) // waits until every lease and connection has ended
	// Output:
	// connections dialled: 1
	// accepted by the server: 1
	// shutdown: <nil>
}

// Two hosts have a cap of two connections each and of three together. A host that
// needs room gets it from what another one leaves idle.
func Example_keyed() {
	ctx := context.Background()
	p, err := keyed.New(keyed.Config[string, string]{
		Dial:          func(_ context.Context, host string) (string, error) { return "a conn to " + host, nil },
		MaxOpenPerKey: 2,
		MaxOpen:       3,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	hold := func(host string, n int) {
		leases := make([]pool.Lease[string], n)
		for i := range leases {
			if leases[i], err = p.Acquire(ctx, host); err != nil {
				fmt.Println(err)
				return
			}
		}
		fmt.Printf("%d of %s, %d open in total\n", n, leases[0].Value(), p.Stats().Open)
		for _, lease := range leases {
			lease.Release()
		}
	}
	hold("alpha", 2)
	hold("beta", 2)
	fmt.Println("shutdown:", p.Shutdown(ctx))
	// Output:
	// 2 of a conn to alpha, 2 open in total
	// 2 of a conn to beta, 3 open in total
	// shutdown: <nil>
}

// An http.Client uses the transport unchanged. Its requests wait in order, and
// there are never more connections than the caps allow.
func Example_http() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "hello")
	}))
	defer server.Close()

	transport, err := httpconn.New(httpconn.Config{
		MaxConnsPerHost: 4,   // HTTP/1.1 and HTTP/2 alike
		MaxConns:        100, // over all hosts
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	client := &http.Client{Transport: transport}

	for range 3 {
		response, err := client.Get(server.URL)
		if err != nil {
			fmt.Println(err)
			return
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close() // ends the lease of the connection
		fmt.Printf("%s ", body)
	}
	fmt.Println("over", transport.Stats().Dials, "connection")
	fmt.Println("shutdown:", transport.Shutdown(context.Background()))
	// Output:
	// hello hello hello over 1 connection
	// shutdown: <nil>
}

// echo sends text and waits for the answer.
func echo(conn net.Conn, text string) error {
	if _, err := io.WriteString(conn, text); err != nil {
		return err
	}
	answer := make([]byte, len(text))
	if _, err := io.ReadFull(conn, answer); err != nil {
		return err
	}
	if string(answer) != text {
		return fmt.Errorf("got %q for %q", answer, text)
	}
	return nil
}

// echoServer answers every connection with what it receives, until stop. accepted
// tells how many there were.
func echoServer() (addr string, accepted func() int, stop func()) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	conns := make(chan struct{}, 16)
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return // stopped
			}
			conns <- struct{}{}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn) // ends with the connection
			}()
		}
	}()
	return ln.Addr().String(), func() int { return len(conns) }, func() { _ = ln.Close() }
}
