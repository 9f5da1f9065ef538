package httpconn_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing/fstest"
	"time"

	"github.com/berth-go/berth/adapters/httpconn"
	"github.com/berth-go/berth/pool"
)

// RegisterProtocol adds a scheme that is not HTTP. The pool has no part in it.
func ExampleTransport_RegisterProtocol() {
	transport, err := httpconn.New(httpconn.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = transport.Close() }()
	files := fstest.MapFS{"motd.txt": {Data: []byte("welcome")}} // in a program: os.DirFS
	transport.RegisterProtocol("file", http.NewFileTransportFS(files))

	client := &http.Client{Transport: transport}
	resp, err := client.Get("file:///motd.txt")
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := bodyOf(resp)
	fmt.Println(resp.Status, text, err)
	fmt.Println("connections:", transport.Stats().Dials)
	// Output:
	// 200 OK welcome <nil>
	// connections: 0
}

// Warm dials before the first request, and says whether the server can be reached.
func ExampleTransport_Warm() {
	server := httptest.NewServer(http.HandlerFunc(hello))
	defer server.Close()
	down := httptest.NewServer(nil)
	down.Close()

	transport, err := httpconn.New(httpconn.Config{MaxIdleConnsPerHost: 4})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = transport.Shutdown(context.Background()) }()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	fmt.Println(transport.Warm(ctx, server.URL, 3))
	fmt.Println("idle:", transport.Stats().Idle)

	// What may not stay idle is not dialled ahead of its use.
	fmt.Println(transport.Warm(ctx, server.URL, 5))

	err = transport.Warm(ctx, down.URL, 1)
	if dial, ok := errors.AsType[*pool.DialError](err); ok {
		fmt.Println("cannot be reached, dials failed:", dial.Attempt)
	}
	// Output:
	// <nil>
	// idle: 3
	// httpconn: n is 5, above MaxIdleConnsPerHost 4: ask Warm for less, or raise MaxIdleConnsPerHost
	// cannot be reached, dials failed: 1
}

// A Shutdown with a deadline says what is left. Then the program may end all the
// same, or wait again.
func ExampleTransport_Shutdown() {
	rest := make(chan string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "one half, ")
		w.(http.Flusher).Flush()
		_, _ = io.WriteString(w, <-rest)
	}))
	defer server.Close()
	transport, err := httpconn.New(httpconn.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	client := &http.Client{Transport: transport}
	download, err := client.Get(server.URL)
	if err != nil {
		fmt.Println(err)
		return
	}

	soon, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	err = transport.Shutdown(soon)
	if err == nil {
		fmt.Println("nothing was left")
		return
	}
	fmt.Println(strings.ReplaceAll(err.Error(), server.URL, "http://server"))
	fmt.Println("deadline exceeded:", errors.Is(err, context.DeadlineExceeded))
	_, err = client.Get(server.URL) //nolint:bodyclose // there is no response
	fmt.Println("new requests fail:", errors.Is(err, pool.ErrClosed))

	rest <- "the other half" // what is in flight goes on
	fmt.Println(bodyOf(download))
	fmt.Println("again:", transport.Shutdown(context.Background()))
	// Output:
	// httpconn: shutdown: of the connections 1 in use, 0 dialing and 0 closing are left, to http://server first: context deadline exceeded
	// deadline exceeded: true
	// new requests fail: true
	// one half, the other half <nil>
	// again: <nil>
}
