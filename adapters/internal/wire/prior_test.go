package wire_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/berth-go/berth/adapters/internal/memnet"
	"github.com/berth-go/berth/adapters/internal/wire"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Behind TLS of the user's own, which net/http does not see, HTTP/2 is spoken by prior
// knowledge. That a server allows one stream, or says goodbye, may have been heard before
// anybody asks.
func TestPriorKnowledgeDoesNotDependOnWhatTheServerHasSaid(t *testing.T) {
	for name, said := range map[string]string{
		"one stream": "\x00\x00\x06\x04\x00\x00\x00\x00\x00" + "\x00\x03\x00\x00\x00\x01",
		"no stream":  "\x00\x00\x06\x04\x00\x00\x00\x00\x00" + "\x00\x03\x00\x00\x00\x00",
		"goodbye":    "\x00\x00\x00\x04\x00\x00\x00\x00\x00" + "\x00\x00\x08\x07\x00\x00\x00\x00\x00" + "\x00\x00\x00\x00\x00\x00\x00\x00",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := memnet.New()
				ln, err := network.Listen("host.example:443")
				require.NoError(t, err)
				go func() {
					c, err := ln.Accept()
					if err != nil {
						return
					}
					_, _ = io.WriteString(c, said)
					_, _ = io.Copy(io.Discard, c)
					_ = c.Close()
				}()
				tr := &http.Transport{DialTLSContext: func(ctx context.Context, n, addr string) (net.Conn, error) {
					return network.DialContext(ctx, n, addr)
				}}
				var p http.Protocols
				p.SetHTTP2(true)
				p.SetUnencryptedHTTP2(true)
				wire.Prepare(tr, p)
				c, err := wire.Dial(t.Context(), tr, "https", "host.example:443", nil)
				require.NoError(t, err)
				synctest.Wait()
				assert.True(t, c.IsHTTP2())
				_ = c.Close()
				_ = ln.Close()
			})
		})
	}
}
