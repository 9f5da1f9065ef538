package httpconn_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
)

// upper is a file whose Read does more than that of a file.
type upper struct{ *os.File }

func (u upper) Read(p []byte) (int, error) {
	n, err := u.File.Read(p)
	copy(p, bytes.ToUpper(p[:n]))
	return n, err
}

// kernelDials leaves out the test's own connections, which the kernel cannot copy to.
func kernelDials(tr *http.Transport) { tr.DialContext = nil }

// A large file as a request's body reaches the server whole, whoever copies it, and is
// closed. A body that only holds a file is read as it wants to be.
func TestFileAsABody(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 512<<10)
	name := filepath.Join(t.TempDir(), "body")
	require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
	for _, k := range []kind{plain1, tls1, tls2, plain2} {
		t.Run(k.name, func(t *testing.T) {
			s := serve(t, k, func(w http.ResponseWriter, r *http.Request) {
				got, err := io.ReadAll(r.Body)
				want := content
				if r.Method == http.MethodPost {
					want = strings.ToUpper(content)
				}
				if err != nil || want != string(got) {
					w.WriteHeader(http.StatusBadRequest)
				}
			})
			c := newClient(t, k, s, httpconn.Config{}, kernelDials)
			for _, method := range []string{http.MethodPut, http.MethodPost, http.MethodPut} {
				f, err := os.Open(name)
				require.NoError(t, err)
				var body io.ReadCloser = f
				if method == http.MethodPost {
					body = io.NopCloser(upper{f})
				}
				req := request(t.Context(), t, method, s.URL, body)
				req.ContentLength = int64(len(content))
				resp, err := c.http.Do(req)
				require.NoError(t, err)
				require.NoError(t, resp.Body.Close())
				assert.Equal(t, http.StatusOK, resp.StatusCode)
				if method == http.MethodPost {
					require.NoError(t, f.Close())
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
	c := newClient(t, plain1, s, httpconn.Config{}, kernelDials)
	f, err := os.Open(name)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req := request(ctx, t, http.MethodPut, s.URL, f)
	req.ContentLength = 64 << 20
	got := c.start(req)
	<-begun
	cancel()
	require.ErrorIs(t, (<-got).err, context.Canceled)
	require.ErrorIs(t, f.Close(), os.ErrClosed)
	assert.Equal(t, uint64(1), c.Stats().Dials)
}
