package httpconn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// A Host is what connections are pooled by: requests with equal Hosts can share
// one.
type Host struct {
	Scheme string // http or https
	Addr   string // host:port in ASCII and lower case; "" where an HTTP proxy serves Scheme http: one connection to the proxy does for all hosts
	Proxy  string // URL of the proxy, with its password; "": none

	// OnlyHTTP1 says that the connection may be switched to another protocol,
	// which HTTP/2 cannot do.
	OnlyHTTP1 bool
}

// String returns the Host as text to read, without the password of the proxy.
func (h Host) String() string {
	var b strings.Builder
	b.WriteString(h.Scheme + "://")
	if h.Addr == "" {
		b.WriteString("*")
	} else {
		b.WriteString(h.Addr)
	}
	if h.OnlyHTTP1 {
		b.WriteString(" (HTTP/1)")
	}
	if h.Proxy != "" {
		name := "?"
		if u, err := url.Parse(h.Proxy); err == nil {
			name = u.Redacted()
		}
		b.WriteString(" by " + name)
	}
	return b.String()
}

// host returns the Host of a request that has been validated.
func (t *Transport) host(req *http.Request) (Host, error) {
	h := Host{Scheme: req.URL.Scheme}
	h.OnlyHTTP1 = t.wire.maybeHTTP2(h) && wantsHTTP1(req.Header)
	if t.wire.proxy != nil {
		// With the real request: the transport that dials would ask with one of
		// its own making, which lacks the port and all headers.
		u, err := t.wire.proxy(req)
		if err != nil {
			return Host{}, err
		}
		if u != nil {
			h.Proxy = u.String()
			if h.Scheme == "http" && (u.Scheme == "http" || u.Scheme == "https") {
				return h, nil
			}
		}
	}
	addr, err := t.names.addr(req.URL)
	h.Addr = addr
	return h, err
}

// wantsHTTP1 reports whether the request asks to switch protocols.
func wantsHTTP1(h http.Header) bool {
	if h.Get("Upgrade") != "" {
		return true
	}
	for _, v := range h["Connection"] {
		for token := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(token), "upgrade") {
				return true
			}
		}
	}
	return false
}

// names turns the hosts of URLs into addresses to dial.
type names struct {
	// unicode translates names that are not ASCII. The rules for that are long,
	// and net/http has them built in but not exported. It applies them to the
	// address it gives to DialContext, so this transport, whose DialContext does
	// nothing but report the address, is a way to ask.
	unicode *http.Transport
}

func newNames() *names {
	return &names{unicode: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(_ context.Context, _, addr string) (net.Conn, error) {
			return nil, &translated{addr: addr}
		},
	}}
}

// addr returns host:port of u, with the default port of the scheme.
func (n *names) addr(u *url.URL) (string, error) {
	host, port := u.Hostname(), u.Port()
	if port == "" {
		port = defaultPort(u.Scheme)
	}
	if !isASCII(host) {
		return n.translate(host, port)
	}
	return net.JoinHostPort(lower(host), port), nil
}

func defaultPort(scheme string) string {
	switch scheme {
	case "https":
		return "443"
	case "socks5", "socks5h":
		return "1080"
	}
	return "80"
}

func (n *names) translate(host, port string) (string, error) {
	req := &http.Request{
		Method: http.MethodGet,
		URL:    &url.URL{Scheme: "http", Host: net.JoinHostPort(host, port), Path: "/"},
		Header: http.Header{},
	}
	resp, err := n.unicode.RoundTrip(req)
	if err == nil { // cannot happen: there is no connection
		_ = resp.Body.Close()
	}
	var t *translated
	if errors.As(err, &t) && isASCII(t.addr) {
		return t.addr, nil
	}
	return "", fmt.Errorf("httpconn: host %q is not a valid internationalized domain name", host)
}

// translated carries the address out of [names.unicode].
type translated struct{ addr string }

func (t *translated) Error() string { return "address is " + t.addr }

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// lower returns host in lower case, so that one host has one cap however it is
// written. The zone of an IPv6 address is the name of a network interface, in
// which case matters.
func lower(host string) string {
	if name, zone, ok := strings.Cut(host, "%"); ok {
		return strings.ToLower(name) + "%" + zone
	}
	return strings.ToLower(host)
}
