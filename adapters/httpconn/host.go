package httpconn

import (
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
	h, err := t.route(req)
	if err != nil {
		return Host{}, err
	}
	h.OnlyHTTP1 = t.wire.maybeHTTP2(h) && wantsHTTP1(req.Header)
	return h, nil
}

// route returns where the connection for a request goes, as a Host.
func (t *Transport) route(req *http.Request) (Host, error) {
	h := Host{Scheme: req.URL.Scheme}
	if t.wire.proxy != nil {
		// With the real request: the transport that dials would ask with one of
		// its own making, which lacks the port and all headers.
		u, err := t.wire.proxy(req)
		if err != nil {
			return Host{}, err
		}
		if u != nil {
			if h.Proxy = u.String(); h.Proxy == "" {
				return Host{}, errEmptyProxy
			}
			if h.Scheme == "http" && (u.Scheme == "http" || u.Scheme == "https") {
				return h, nil
			}
		}
	}
	addr, err := t.names.Addr(req.URL)
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
