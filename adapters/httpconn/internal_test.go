package httpconn

import (
	"fmt"
	"net/url"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/h2"
)

func TestAddrIsCanonical(t *testing.T) {
	n := newNames()
	for in, want := range map[string]string{
		"http://example.com":             "example.com:80",
		"https://example.com":            "example.com:443",
		"https://EXAMPLE.com:8443":       "example.com:8443",
		"http://example.com:":            "example.com:80",
		"http://127.0.0.1:8080":          "127.0.0.1:8080",
		"http://[2001:DB8::1]":           "[2001:db8::1]:80",
		"http://[fe80::A%25Eth0]:81":     "[fe80::a%Eth0]:81",
		"http://bücher.example":          "xn--bcher-kva.example:80",
		"https://BÜCHER.example:1":       "xn--bcher-kva.example:1",
		"http://xn--bcher-kva.example:2": "xn--bcher-kva.example:2",
	} {
		u, err := url.Parse(in)
		require.NoError(t, err)
		got, err := n.addr(u)
		require.NoError(t, err, in)
		assert.Equal(t, want, got, in)
	}
}

func TestAddrNamesTheHostThatHasNoASCIIForm(t *testing.T) {
	u := &url.URL{Scheme: "http", Host: "\u0378.example"} // a character without a meaning yet
	_, err := newNames().addr(u)
	require.ErrorContains(t, err, strconv.Quote(u.Host))
}

func TestHostStringHidesThePassword(t *testing.T) {
	for want, h := range map[string]Host{
		"https://a:443":                       {Scheme: "https", Addr: "a:443"},
		"https://a:443 (HTTP/1)":              {Scheme: "https", Addr: "a:443", OnlyHTTP1: true},
		"http://* by http://me:xxxxx@proxy:1": {Scheme: "http", Proxy: "http://me:word@proxy:1"},
		"https://a:443 by socks5://proxy:1":   {Scheme: "https", Addr: "a:443", Proxy: "socks5://proxy:1"},
	} {
		assert.Equal(t, want, h.String())
	}
}

func TestMemoryForgetsTheLeastRecentHost(t *testing.T) {
	m := newMemory()
	host := func(i int) Host { return Host{Scheme: "https", Addr: fmt.Sprint(i)} }
	for i := range memorySize {
		m.learnHTTP1(host(i))
	}
	assert.Equal(t, 1, m.streams(host(0))) // now the most recent
	m.learnHTTP1(host(memorySize))
	assert.Equal(t, 1, m.streams(host(0)))
	assert.Equal(t, h2.InitialStreams, m.streams(host(1)), "forgotten, so as if never met")
	assert.Equal(t, 1, m.streams(host(2)))
	assert.Len(t, m.mu.entries, memorySize)
	assert.Equal(t, memorySize, m.mu.recent.Len())
}

func TestMemoryKeepsWhatTheServerSaidBeforeANewConnectionHasHeard(t *testing.T) {
	m := newMemory()
	h := Host{Scheme: "https", Addr: "a:443"}
	m.learnHTTP1(h)
	m.learnHTTP2(h)
	assert.Equal(t, h2.InitialStreams, m.streams(h), "it spoke HTTP/1 and now HTTP/2")
	for _, n := range []int{250, 1} {
		m.learnStreams(h, n)
		m.learnHTTP2(h)
		assert.Equal(t, n, m.streams(h))
	}
}
