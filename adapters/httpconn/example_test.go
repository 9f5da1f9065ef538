package httpconn_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/berth-go/berth/adapters/httpconn"
)

func ExampleTransport() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "hello")
	}))
	defer server.Close()

	transport, err := httpconn.New(httpconn.Config{
		MaxConnsPerHost: 4,   // for HTTP/1.1 and HTTP/2 alike
		MaxConns:        100, // over all hosts
	})
	if err != nil {
		panic(err)
	}
	defer func() { _ = transport.Shutdown(context.Background()) }()

	client := &http.Client{Transport: transport}
	for range 3 {
		resp, err := client.Get(server.URL)
		if err != nil {
			panic(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close() // frees the connection
		fmt.Println(string(body), err)
	}
	stats := transport.Stats()
	fmt.Println("requests:", stats.Acquires, "connections:", stats.Dials)
	// Output:
	// hello <nil>
	// hello <nil>
	// hello <nil>
	// requests: 3 connections: 1
}
