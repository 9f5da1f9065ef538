package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// Names turns the hosts of URLs into addresses to dial.
type Names struct {
	// unicode translates names that are not ASCII. The rules for that are long,
	// and net/http has them built in but not exported. It applies them to the
	// address it gives to DialContext, so this transport, whose DialContext does
	// nothing but report the address, is a way to ask.
	unicode *http.Transport
}

// NewNames returns a Names that is ready for use.
func NewNames() *Names {
	return &Names{unicode: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(_ context.Context, _, addr string) (net.Conn, error) {
			return nil, &translated{addr: addr}
		},
	}}
}

// Addr returns host:port of u, with the default port of the scheme.
func (n *Names) Addr(u *url.URL) (string, error) {
	host, port := u.Hostname(), u.Port()
	if port == "" {
		port = defaultPort(u.Scheme)
	}
	if !isASCII(host) {
		return n.translate(host, port)
	}
	name := lower(host)
	if len(u.Host) == len(name)+1+len(port) && strings.HasPrefix(u.Host, name) && !strings.Contains(name, ":") {
		return u.Host, nil // as it is, which spares an allocation
	}
	return net.JoinHostPort(name, port), nil
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

func (n *Names) translate(host, port string) (string, error) {
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
	return "", fmt.Errorf("http: host %q is not a valid internationalized domain name", host)
}

// translated carries the address out of [Names.unicode].
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
