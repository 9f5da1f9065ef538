package httpconn_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/berth-go/berth/adapters/httpconn"
)

// BenchmarkKeepAlive asks what the pool costs per request on a connection that is
// there, beside net/http's.
func BenchmarkKeepAlive(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	defer server.Close()
	theirs := &http.Transport{MaxConnsPerHost: 8, MaxIdleConnsPerHost: 8}
	defer theirs.CloseIdleConnections()
	ours, err := httpconn.New(httpconn.Config{Base: theirs})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = ours.Shutdown(context.Background()) }()
	for _, bb := range []struct {
		name string
		rt   http.RoundTripper
	}{{"httpconn", ours}, {"http.Transport", theirs}} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				req, _ := http.NewRequestWithContext(b.Context(), http.MethodGet, server.URL, nil)
				resp, err := bb.rt.RoundTrip(req)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		})
	}
}
