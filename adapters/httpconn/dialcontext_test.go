package httpconn_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
)

// As with net/http, the context that a dial func gets does not end when the dial is over, nor
// with the request: some have the connection live by it.
func TestContextOfADialLastsLongerThanTheDial(t *testing.T) {
	inBubble(t, allKinds, func(b *bubble, k kind) {
		var got context.Context
		s := b.serve(k, proto)
		c := b.client(k, s, httpconn.Config{DialTimeout: time.Second}, func(tr *http.Transport) {
			dial := tr.DialContext
			tr.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				at, ok := ctx.Deadline()
				assert.True(b, ok)
				assert.Equal(b, time.Second, time.Until(at))
				conn, err := dial(ctx, network, addr)
				if err == nil {
					context.AfterFunc(ctx, func() { _ = conn.Close() })
				}
				got = ctx
				return conn, err
			}
		})
		for range 5 {
			c.mustGet(s.URL)
			time.Sleep(time.Second)
		}
		assert.Equal(b, 1, c.wires.dialled())
		require.NoError(b, got.Err())

		// What its user derives from it afterwards has a time of its own.
		ctx, cancel := context.WithTimeout(got, time.Second)
		defer cancel()
		time.Sleep(time.Second)
		synctest.Wait()
		assert.ErrorIs(b, ctx.Err(), context.DeadlineExceeded)
	})
}

// It ends when the dial has failed, or must end.
func TestContextOfADialEndsIfTheDialFails(t *testing.T) {
	for name, tt := range map[string]struct {
		cfg  httpconn.Config
		dial func(ctx context.Context) error
		want error
	}{
		"DialTimeout": {httpconn.Config{DialTimeout: time.Second}, func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}, context.DeadlineExceeded},
		"an error": {httpconn.Config{}, func(context.Context) error { return errors.New("no") }, context.Canceled},
		"a panic":  {httpconn.Config{}, func(context.Context) error { panic("no") }, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got context.Context
				tr, err := httpconn.New(withBase(tt.cfg, &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
					got = ctx
					return nil, tt.dial(ctx)
				}}))
				require.NoError(t, err)
				_, err = tr.RoundTrip(request(t.Context(), t, http.MethodGet, "http://a.example", nil))
				require.Error(t, err)
				synctest.Wait()
				assert.Equal(t, tt.want, got.Err())
				require.NoError(t, tr.Shutdown(t.Context()))
			})
		})
	}
}

func withBase(cfg httpconn.Config, base *http.Transport) httpconn.Config {
	cfg.Base = base
	return cfg
}

// What a dial func returned is closed once, whoever ends the connection: dial funcs that count
// what is open count in Close.
func TestConnIsClosedOnce(t *testing.T) {
	for name, end := range map[string]func(c *client, s interface{ CloseClientConnections() }){
		"idle":       func(c *client, _ interface{ CloseClientConnections() }) { c.CloseIdleConnections() },
		"the server": func(_ *client, s interface{ CloseClientConnections() }) { s.CloseClientConnections() },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, allKinds, func(b *bubble, k kind) {
				var closes atomic.Int32
				s := b.serve(k, proto)
				c := b.client(k, s, httpconn.Config{}, func(tr *http.Transport) {
					dial := tr.DialContext
					tr.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
						conn, err := dial(ctx, network, addr)
						return closesConn{conn, &closes}, err
					}
				})
				c.mustGet(s.URL)
				synctest.Wait()
				end(c, s)
				time.Sleep(time.Minute)
				synctest.Wait()
				assert.EqualValues(b, 1, closes.Load())
			})
		})
	}
}
