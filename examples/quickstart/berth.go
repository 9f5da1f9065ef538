package main

import (
	"context"
	"net/http"
	"time"

	"github.com/berth-go/berth/adapters/httpconn"
)

// openBerth puts Berth's pool on the settings of wire. This is all that a
// program has to change: the http.Client above stays as it is.
func openBerth(wire *http.Transport, conns int) (http.RoundTripper, func() error, error) {
	tr, err := httpconn.New(httpconn.Config{Base: wire, MaxConnsPerHost: conns})
	if err != nil {
		return nil, nil, err
	}
	end := func() error {
		// All requests have ended, so this only waits for connections to close. An
		// error says what was left open, and that would be worth knowing.
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		return tr.Shutdown(ctx)
	}
	return tr, end, nil
}
