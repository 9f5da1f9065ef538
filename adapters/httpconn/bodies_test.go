package httpconn_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"sync"
)

// closeCounter is a request body that counts its closes.
type closeCounter struct {
	io.Reader
	mu sync.Mutex
	n  int
}

func (b *closeCounter) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n++
	return nil
}

func (b *closeCounter) times() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.n
}

func gzipped(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	_, _ = io.WriteString(z, strings.Repeat("zip ", 1000))
	_ = z.Close()
}
