package wire_test

import (
	"context"
	"net"
	"testing"

	"github.com/berth-go/berth/adapters/internal/wire"
	"github.com/stretchr/testify/assert"
)

type closable struct {
	net.Conn
	closes int
}

func (c *closable) Close() error { c.closes++; return nil }

// substream is one of several on a carrier, of which it tells.
type substream struct {
	closable
	carrier net.Conn
}

func (s *substream) NetConn() net.Conn { return s.carrier }

func TestCloseNetLeavesACarrierOpen(t *testing.T) {
	carrier := &closable{}
	s := &substream{carrier: carrier}
	wire.CloseNet(s)
	assert.Equal(t, 1, s.closes)
	assert.Zero(t, carrier.closes, "other streams are on it")
}

// secured speaks TLS over its carrier, as a *tls.Conn does.
type secured struct{ substream }

func (*secured) HandshakeContext(context.Context) error { return nil }

func TestCloseNetClosesWhatIsUnderTLS(t *testing.T) {
	carrier := &closable{}
	s := &secured{substream{carrier: carrier}}
	wire.CloseNet(s)
	assert.Equal(t, 1, s.closes)
	assert.Equal(t, 1, carrier.closes, "TLS may be closing still, and its goodbye be stuck")
}
