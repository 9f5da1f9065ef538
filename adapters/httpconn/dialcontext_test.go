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

// What a dial func derives from its context ends as that does.
func TestWhatIsDerivedFromTheContextOfADialSaysThatItsDeadlinePassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got, cause error
		tr, err := httpconn.New(withBase(httpconn.Config{DialTimeout: time.Second}, &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			<-ctx.Done()
			got, cause = ctx.Err(), context.Cause(ctx)
			return nil, got
		}}))
		require.NoError(t, err)
		_, err = tr.RoundTrip(request(t.Context(), t, http.MethodGet, "http://a.example", nil))
		require.Error(t, err)
		synctest.Wait()
		assert.Equal(t, context.DeadlineExceeded, got)
		require.EqualError(t, cause, "pool: DialTimeout passed")
		require.NoError(t, tr.Shutdown(t.Context()))
	})
}

// A connection that comes after the end of its dial is closed once, also where net/http would
// close it once more.
func TestConnThatComesTooLateIsClosedOnce(t *testing.T) {
	inBubble(t, allKinds, func(b *bubble, k kind) {
		var closes atomic.Int32
		s := b.serve(k, proto)
		c := b.client(k, s, httpconn.Config{DialTimeout: time.Second}, func(tr *http.Transport) {
			dial := tr.DialContext
			tr.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				time.Sleep(2 * time.Second)
				conn, err := dial(context.WithoutCancel(ctx), network, addr)
				return closesConn{conn, &closes}, err
			}
		})
		_, err := c.get(s.URL)
		require.Error(b, err)
		time.Sleep(time.Minute)
		assert.EqualValues(b, 1, closes.Load())
	})
}

// sleepyConn takes its time to close.
type sleepyConn struct{ net.Conn }

func (c sleepyConn) Close() error {
	time.Sleep(10 * time.Second)
	return c.Conn.Close()
}

// Who waits for a Close that goes on does not stop the time of a bubble.
func TestSlowCloseOfTheConnUnderHTTP2StopsNoBubble(t *testing.T) {
	inBubble(t, http2, func(b *bubble, k kind) {
		s := b.serve(k, proto)
		c := b.client(k, s, httpconn.Config{}, func(tr *http.Transport) {
			dial := tr.DialContext
			tr.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				conn, err := dial(ctx, network, addr)
				if err != nil {
					return nil, err
				}
				return sleepyConn{conn}, nil
			}
		})
		c.mustGet(s.URL)
		require.NoError(b, c.Shutdown(b.Context()))
	})
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
