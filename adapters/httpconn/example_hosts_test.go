package httpconn_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/berth-go/berth/adapters/httpconn"
	"github.com/berth-go/berth/pool"
)

// hello answers every request.
func hello(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }

// bodyOf returns the whole of a response's body, and closes it.
func bodyOf(resp *http.Response) (string, error) {
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// HostOf says which requests share connections: those with equal Hosts. Behind an
// HTTP proxy that is all of scheme http. Nothing is sent.
func ExampleTransport_HostOf() {
	proxy, err := url.Parse("http://me:secret@proxy.example:3128")
	if err != nil {
		fmt.Println(err)
		return
	}
	transport, err := httpconn.New(httpconn.Config{
		Base: &http.Transport{Proxy: func(req *http.Request) (*url.URL, error) {
			if req.URL.Scheme == "http" {
				return proxy, nil
			}
			return nil, nil // directly
		}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = transport.Close() }()

	hosts := make(map[httpconn.Host]bool)
	for _, address := range []string{
		"https://API.example", "https://api.example:443/orders",
		"http://one.example", "http://two.example",
	} {
		req, err := http.NewRequest(http.MethodGet, address, nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		host, err := transport.HostOf(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		hosts[host] = true
		fmt.Println(host) // the password stays in host.Proxy
	}
	fmt.Println("hosts:", len(hosts))
	// Output:
	// https://api.example:443
	// https://api.example:443
	// http://* by http://me:xxxxx@proxy.example:3128
	// http://* by http://me:xxxxx@proxy.example:3128
	// hosts: 2
}

// StatsFor says how the connections to one host are doing, where Stats adds up all.
func ExampleTransport_StatsFor() {
	server := httptest.NewServer(http.HandlerFunc(hello))
	defer server.Close()
	transport, err := httpconn.New(httpconn.Config{MaxConnsPerHost: 4})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = transport.Shutdown(context.Background()) }()
	client := &http.Client{Transport: transport}

	req, err := http.NewRequest(http.MethodGet, server.URL, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	host, err := transport.HostOf(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, ok := transport.StatsFor(host)
	fmt.Println("in use before the first request:", ok)

	for range 2 {
		resp, err := client.Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer resp.Body.Close() // not read, so it holds its connection till then
	}
	s, ok := transport.StatsFor(host)
	fmt.Println("now:", ok, "connections:", s.InUse, "of", s.MaxOpen)
	// Output:
	// in use before the first request: false
	// now: true connections: 2 of 4
}

// ResetHost is for a server that has moved, or has new certificates: what is open to
// it gets no more requests, and other hosts keep their connections.
func ExampleTransport_ResetHost() {
	transport, err := httpconn.New(httpconn.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	client := &http.Client{Transport: transport}
	moves, stays := httptest.NewServer(http.HandlerFunc(hello)), httptest.NewServer(http.HandlerFunc(hello))
	defer moves.Close()
	defer stays.Close()
	defer func() { _ = transport.Shutdown(context.Background()) }()

	var moved httpconn.Host
	for round := range 2 {
		for _, server := range []*httptest.Server{moves, stays} {
			resp, err := client.Get(server.URL)
			if err != nil {
				fmt.Println(err)
				return
			}
			if _, err := bodyOf(resp); err != nil {
				fmt.Println(err)
				return
			}
			if server == moves {
				if moved, err = transport.HostOf(resp.Request); err != nil {
					fmt.Println(err)
					return
				}
			}
		}
		fmt.Println("connections dialled:", transport.Stats().Dials)
		if round == 0 {
			transport.ResetHost(moved)
		}
	}
	fmt.Println("closed by the reset:", transport.Stats().Closes.Of(pool.ReasonReset))
	// Output:
	// connections dialled: 2
	// connections dialled: 3
	// closed by the reset: 1
}

// One host gets limits of its own: a small server, on which nobody may queue.
func ExampleConfig_perHost() {
	small, large := httptest.NewServer(http.HandlerFunc(hello)), httptest.NewServer(http.HandlerFunc(hello))
	defer small.Close()
	defer large.Close()
	transport, err := httpconn.New(httpconn.Config{
		MaxConnsPerHost: 8,
		PerHost: func(h httpconn.Host) pool.Limits {
			if h.Addr == small.Listener.Addr().String() {
				return pool.Limits{MaxOpen: 1, MaxIdle: 1, MaxWaiters: -1}
			}
			return pool.Limits{} // those of Config
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = transport.Shutdown(context.Background()) }()
	client := &http.Client{Transport: transport}

	for _, server := range []*httptest.Server{large, large, small, small} {
		resp, err := client.Get(server.URL)
		switch {
		case errors.Is(err, pool.ErrWaitLimit):
			fmt.Println("busy: try again later")
		case err != nil:
			fmt.Println(err)
		default:
			fmt.Println(resp.Status)
			defer resp.Body.Close() // holds the connection till the end
		}
	}
	// Output:
	// 200 OK
	// 200 OK
	// 200 OK
	// busy: try again later
}
