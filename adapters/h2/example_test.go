package h2_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/berth-go/berth/adapters/h2"
	"github.com/berth-go/berth/pool"
)

func ExampleResource() {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "hello over ", r.Proto)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()

	wire := server.Client().Transport.(*http.Transport)
	p, err := pool.New(pool.Config[*h2.Resource]{
		Dial: func(ctx context.Context) (*h2.Resource, error) {
			conn, err := wire.NewClientConn(ctx, "https", server.Listener.Addr().String())
			if err != nil {
				return nil, err
			}
			return h2.NewResource(conn, h2.Options{}), nil
		},
		Close:    (*h2.Resource).Close,
		Take:     (*h2.Resource).Take,
		Capacity: (*h2.Resource).Capacity,
		Expect:   (*h2.Resource).Expect,
		Watch:    (*h2.Resource).Watch,
		Shared:   h2.InitialStreams,
	})
	if err != nil {
		panic(err)
	}
	defer func() { _ = p.Shutdown(context.Background()) }()

	err = p.Do(context.Background(), func(l pool.Lease[*h2.Resource]) error {
		conn := l.Value()
		defer conn.End() // when the response has been read
		req, err := http.NewRequest(http.MethodGet, server.URL, nil)
		if err != nil {
			return err
		}
		resp, err := conn.RoundTrip(req)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(resp.Body)
		fmt.Println(string(body))
		_ = resp.Body.Close()
		return err
	})
	fmt.Println(err, p.Stats().Dials)
	// Output:
	// hello over HTTP/2.0
	// <nil> 1
}

func ExampleTransport() {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "hello over ", r.Proto)
	}))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true) // no TLS, and no HTTP/1
	server.Start()
	defer server.Close()

	transport, err := h2.New(h2.Config{MaxConnsPerHost: 2})
	if err != nil {
		panic(err)
	}
	defer func() { _ = transport.Shutdown(context.Background()) }()

	resp, err := (&http.Client{Transport: transport}).Get(server.URL)
	if err != nil {
		panic(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	fmt.Println(string(body), err)
	// Output: hello over HTTP/2.0 <nil>
}
