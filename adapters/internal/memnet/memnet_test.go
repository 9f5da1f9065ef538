package memnet_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/berth-go/berth/adapters/internal/memnet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const addr = "a.example:80"

// pair returns two connected ends, in a bubble.
func pair(t *testing.T, f func(client, server net.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		l, err := n.Listen(addr)
		require.NoError(t, err)
		accepted := make(chan net.Conn)
		go func() {
			c, err := l.Accept()
			assert.NoError(t, err)
			accepted <- c
		}()
		client, err := n.DialContext(t.Context(), "tcp", addr)
		require.NoError(t, err)
		server := <-accepted
		assert.Equal(t, addr, client.RemoteAddr().String())
		assert.Equal(t, addr, server.LocalAddr().String())
		f(client, server)
		for _, c := range []io.Closer{client, server, l} {
			require.NoError(t, c.Close())
		}
	})
}

func TestBytesArriveInOrder(t *testing.T) {
	pair(t, func(client, server net.Conn) {
		sent := bytes.Repeat([]byte("0123456789"), 100_000)
		go func() {
			_, err := client.Write(sent)
			assert.NoError(t, err)
			assert.NoError(t, client.(interface{ CloseWrite() error }).CloseWrite())
		}()
		got, err := io.ReadAll(server)
		require.NoError(t, err)
		require.True(t, bytes.Equal(sent, got))
		_, err = io.WriteString(server, "answer")
		require.NoError(t, err, "the other direction is open")
		p := make([]byte, 10)
		k, err := client.Read(p)
		require.NoError(t, err)
		require.Equal(t, "answer", string(p[:k]))
	})
}

func TestSenderWaitsForTheReader(t *testing.T) {
	pair(t, func(client, server net.Conn) {
		done := make(chan error)
		go func() {
			_, err := client.Write(make([]byte, 64<<10+1))
			done <- err
		}()
		synctest.Wait()
		select {
		case err := <-done:
			require.Fail(t, "did not wait", err)
		default:
		}
		_, err := server.Read(make([]byte, 1))
		require.NoError(t, err)
		require.NoError(t, <-done)
	})
}

func TestCloseEndsBothEnds(t *testing.T) {
	pair(t, func(client, server net.Conn) {
		read := make(chan error)
		go func() {
			_, err := client.Read(make([]byte, 1))
			read <- err
		}()
		synctest.Wait()
		_, err := io.WriteString(client, "last words")
		require.NoError(t, err)
		require.NoError(t, client.Close())
		require.ErrorIs(t, <-read, net.ErrClosed)
		_, err = client.Write([]byte("x"))
		require.ErrorIs(t, err, net.ErrClosed)
		got, err := io.ReadAll(server)
		require.NoError(t, err)
		require.Equal(t, "last words", string(got))
		_, err = server.Write([]byte("x"))
		require.ErrorIs(t, err, syscall.EPIPE)
	})
}

func TestDeadlines(t *testing.T) {
	pair(t, func(client, _ net.Conn) {
		for name, call := range map[string]func() error{
			"read":  func() error { _, err := client.Read(make([]byte, 1)); return err },
			"write": func() error { _, err := client.Write(make([]byte, 1<<20)); return err },
		} {
			began := time.Now()
			require.NoError(t, client.SetDeadline(began.Add(time.Second)))
			require.ErrorIs(t, call(), os.ErrDeadlineExceeded, name)
			require.Equal(t, time.Second, time.Since(began), name)

			var timeout net.Error
			require.ErrorAs(t, call(), &timeout, "it stays over")
			require.True(t, timeout.Timeout())

			// One that is set while the call waits ends it too.
			require.NoError(t, client.SetDeadline(time.Time{}))
			ended := make(chan error)
			go func() { ended <- call() }()
			synctest.Wait()
			require.NoError(t, client.SetDeadline(time.Unix(1, 0)))
			require.ErrorIs(t, <-ended, os.ErrDeadlineExceeded, name)
		}
	})
}

func TestDialFailsWhereNobodyListens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		_, err := n.DialContext(t.Context(), "tcp", addr)
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		l, err := n.Listen(addr)
		require.NoError(t, err)
		_, err = n.Listen(addr)
		require.ErrorIs(t, err, syscall.EADDRINUSE)

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = n.DialContext(ctx, "tcp", addr)
		require.ErrorIs(t, err, context.DeadlineExceeded, "nobody accepts")

		dialled := make(chan error)
		go func() { _, err := n.DialContext(t.Context(), "tcp", addr); dialled <- err }()
		synctest.Wait()
		require.NoError(t, l.Close())
		require.ErrorIs(t, <-dialled, syscall.ECONNREFUSED)
		_, err = l.Accept()
		require.ErrorIs(t, err, net.ErrClosed)
		require.True(t, strings.Contains(err.Error(), addr))
		l, err = n.Listen(addr)
		require.NoError(t, err, "free again")
		require.NoError(t, l.Close())
	})
}
