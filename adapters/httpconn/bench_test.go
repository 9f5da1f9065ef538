package httpconn_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
)

// BenchmarkGet asks what a small GET costs on a connection that is there, beside
// net/http's pool and beside a connection without one. The server is a process of
// its own, so that its allocations do not count.
func BenchmarkGet(b *testing.B) {
	for _, protocol := range []string{"http1", "http2", "h2c"} {
		b.Run("protocol="+protocol, func(b *testing.B) {
			base, serverURL := benchServer(b, protocol)
			defer base.CloseIdleConnections()
			ours, err := httpconn.New(httpconn.Config{Base: base})
			require.NoError(b, err)
			defer func() { _ = ours.Shutdown(context.Background()) }()
			bare := newBare(b, base, serverURL)
			defer func() { _ = bare.conn.Close() }()
			for _, s := range []struct {
				name string
				rt   http.RoundTripper
			}{{"httpconn", ours}, {"http.Transport", base}, {"http.ClientConn", bare}} {
				b.Run("subject="+s.name, func(b *testing.B) {
					benchGet(b, s.rt, serverURL) // dials
					b.ReportAllocs()
					for b.Loop() {
						benchGet(b, s.rt, serverURL)
					}
				})
			}
		})
	}
}

func benchGet(b *testing.B, rt http.RoundTripper, serverURL string) {
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, serverURL, nil)
	if err != nil {
		b.Fatal(err)
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		b.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
}

// bareConn is a connection without a pool.
type bareConn struct{ conn *http.ClientConn }

func newBare(b *testing.B, base *http.Transport, serverURL string) bareConn {
	b.Helper()
	u, err := url.Parse(serverURL)
	require.NoError(b, err)
	conn, err := base.NewClientConn(b.Context(), u.Scheme, u.Host)
	require.NoError(b, err)
	return bareConn{conn}
}

func (c bareConn) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := c.conn.Reserve(); err != nil {
		return nil, err
	}
	return c.conn.RoundTrip(req)
}

// serveVariable tells the test program to be a server, and of what protocol.
const serveVariable = "BERTH_HTTPCONN_SERVE"

// benchServer starts a server and returns a transport for it and its URL.
func benchServer(b *testing.B, protocol string) (*http.Transport, string) {
	b.Helper()
	program := exec.Command(os.Args[0], "-test.run=^TestServe$") //nolint:gosec // this program
	program.Env = append(os.Environ(), serveVariable+"="+protocol)
	in, err := program.StdinPipe()
	require.NoError(b, err)
	out, err := program.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, program.Start())
	b.Cleanup(func() {
		_ = in.Close()
		_, _ = io.Copy(io.Discard, out)
		_ = program.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(b, err)
	serverURL, certificate, _ := strings.Cut(strings.TrimSpace(line), " ")

	base := &http.Transport{Protocols: new(http.Protocols)}
	switch protocol {
	case "http1":
		base.Protocols.SetHTTP1(true)
	case "h2c":
		base.Protocols.SetUnencryptedHTTP2(true)
	case "http2":
		der, err := base64.StdEncoding.DecodeString(certificate)
		require.NoError(b, err)
		root, err := x509.ParseCertificate(der)
		require.NoError(b, err)
		base.Protocols.SetHTTP2(true)
		base.TLSClientConfig = &tls.Config{RootCAs: x509.NewCertPool()}
		base.TLSClientConfig.RootCAs.AddCert(root)
	}
	return base, serverURL
}

// TestServe is no test but the server of the benchmarks: see benchServer. It ends
// with its input.
func TestServe(t *testing.T) {
	protocol := os.Getenv(serveVariable)
	if protocol == "" {
		t.Skip("for the benchmarks")
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "ok")
	}))
	certificate := ""
	switch protocol {
	case "http2":
		server.EnableHTTP2 = true
		server.StartTLS()
		certificate = base64.StdEncoding.EncodeToString(server.Certificate().Raw)
	case "h2c":
		server.Config.Protocols = new(http.Protocols)
		server.Config.Protocols.SetUnencryptedHTTP2(true)
		server.Start()
	default:
		server.Start()
	}
	_, _ = fmt.Println(server.URL, certificate)
	_, _ = io.Copy(io.Discard, os.Stdin)
	server.CloseClientConnections()
	server.Close()
}
