package httpconn_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/berth-go/berth/adapters/httpconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// docs/http.md: HTTP2.StrictMaxConcurrentRequests does not count, MaxConnsPerHost does.
func TestStrictMaxConcurrentRequestsDoesNotCount(t *testing.T) {
	for name, limit := range map[string]int{"no cap": 0, "one": 1} {
		t.Run(name, func(t *testing.T) {
			arrived, goOn := make(chan string), make(chan struct{})
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/" {
					return // tells the client how many streams there are
				}
				arrived <- r.RemoteAddr
				<-goOn
			}))
			server.EnableHTTP2 = true
			server.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 2}
			server.StartTLS()
			defer server.Close()

			base := server.Client().Transport.(*http.Transport).Clone()
			base.HTTP2 = &http.HTTP2Config{StrictMaxConcurrentRequests: true}
			tr, err := httpconn.New(httpconn.Config{Base: base, MaxConnsPerHost: limit})
			require.NoError(t, err)
			client := &http.Client{Transport: tr}
			get := func(path string) error {
				resp, err := client.Get(server.URL + path)
				if err != nil {
					return err
				}
				defer func() { _ = resp.Body.Close() }()
				_, err = io.Copy(io.Discard, resp.Body)
				return err
			}
			require.NoError(t, get("/"))

			const requests = 4
			ended := make(chan error, requests)
			for range requests {
				go func() { ended <- get("/hold") }()
			}
			conns := map[string]bool{}
			at := requests
			if limit == 1 {
				at = 2 // the others wait in the queue
			}
			for range at {
				select {
				case addr := <-arrived:
					conns[addr] = true
				case <-time.After(10 * time.Second):
					require.Fail(t, "the requests did not come")
				}
			}
			close(goOn)
			for range requests - at {
				conns[<-arrived] = true
			}
			for range requests {
				assert.NoError(t, <-ended)
			}
			assert.Len(t, conns, at/2)
			require.NoError(t, tr.Shutdown(t.Context()))
		})
	}
}
