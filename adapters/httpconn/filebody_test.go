package httpconn_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
)

// countedFile is a file that counts what is read through it and how often it is closed.
type countedFile struct {
	*os.File
	read, closes atomic.Int64
	closed       chan struct{} // by the first Close
}

func openCounted(t *testing.T, name string) *countedFile {
	f, err := os.Open(name)
	require.NoError(t, err)
	return &countedFile{File: f, closed: make(chan struct{})}
}

func (f *countedFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	f.read.Add(int64(n))
	return n, err
}

func (f *countedFile) Close() error {
	if f.closes.Add(1) == 1 {
		close(f.closed)
	}
	return f.File.Close()
}

// A large file as a request's body reaches the server whole and is closed once. Where
// net/http lets the kernel copy it, on HTTP/1 without TLS, so it is here.
func TestFileAsABodyIsCopiedByTheKernel(t *testing.T) {
	const size = 8 << 20
	content := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	name := filepath.Join(t.TempDir(), "body")
	require.NoError(t, os.WriteFile(name, content, 0o600))
	for _, k := range []kind{plain1, tls1, tls2, plain2} {
		t.Run(k.name, func(t *testing.T) {
			s := serve(t, k, func(w http.ResponseWriter, r *http.Request) {
				got, err := io.ReadAll(r.Body)
				if err != nil || !bytes.Equal(content, got) {
					w.WriteHeader(http.StatusBadRequest)
				}
			})
			c := newClient(t, k, s, httpconn.Config{}, func(tr *http.Transport) {
				tr.DialContext = nil // the test's own connections are nothing that the kernel knows
			})
			for n := range 3 {
				body := openCounted(t, name)
				req := request(t.Context(), t, http.MethodPut, s.URL, body)
				if n == 2 {
					req.Body = io.NopCloser(body)
				}
				req.ContentLength = size
				resp, err := c.http.Do(req)
				require.NoError(t, err)
				require.NoError(t, resp.Body.Close())
				assert.Equal(t, http.StatusOK, resp.StatusCode)
				if n < 2 {
					<-body.closed // it may come after the response
					assert.EqualValues(t, 1, body.closes.Load())
				}
				if k.name == plain1.name && runtime.GOOS == "linux" {
					assert.Less(t, body.read.Load(), int64(64<<10))
				} else {
					assert.EqualValues(t, size, body.read.Load())
				}
			}
		})
	}
}

// The end of the context ends such a request, and what was begun is not sent again on
// another connection.
func TestFileThatTheKernelCopiesEndsWithTheContext(t *testing.T) {
	name := filepath.Join(t.TempDir(), "body")
	require.NoError(t, os.WriteFile(name, make([]byte, 64<<20), 0o600))
	begun, done := make(chan struct{}), make(chan struct{})
	s := serve(t, plain1, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadFull(r.Body, make([]byte, 1<<20))
		close(begun) // twice, if it were sent again
		<-done
	})
	defer close(done)
	c := newClient(t, plain1, s, httpconn.Config{}, func(tr *http.Transport) { tr.DialContext = nil })
	body := openCounted(t, name)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req := request(ctx, t, http.MethodPut, s.URL, body)
	req.ContentLength = 64 << 20
	got := c.start(req)
	<-begun
	cancel()
	require.ErrorIs(t, (<-got).err, context.Canceled)
	assert.EqualValues(t, 1, body.closes.Load())
	assert.Equal(t, uint64(1), c.Stats().Dials)
}
