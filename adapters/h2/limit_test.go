package h2_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"

	"github.com/berth-go/berth/adapters/h2"
)

func TestConnectionIsExpectedToCarryWhatItsServerAllowedLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for o, want := range map[*h2.Options]int{
			{}:                          h2.InitialStreams,
			{Streams: -1}:               h2.InitialStreams,
			{Streams: 3}:                3,
			{Streams: 300}:              300,
			{Streams: 3, MaxStreams: 2}: 2,
		} {
			c := newConn()
			r, _ := watched(t, c, *o)
			take(t, r, 1)
			assert.Equal(t, want, r.Expect(), "%+v", *o)
			c.set(true, func() { c.max = 250 })
			synctest.Wait()
			assert.Equal(t, r.Capacity(), r.Expect(), "its number has come")

			lost := newConn()
			r, _ = watched(t, lost, *o)
			require.NoError(t, lost.Close())
			assert.Zero(t, r.Expect(), "it is lost")
		}
	})
}

// hear returns a Limit that notes what it hears, and guesses as less than nothing.
func hear(told *[]int) func(int, bool) {
	return func(n int, sure bool) {
		if !sure {
			n = -n
		}
		*told = append(*told, n)
	}
}

func TestLimitHearsOfTheServersNumberAndOfItsChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []int
		c := newConn()
		r, _ := watched(t, c, h2.Options{MaxStreams: 2, Limit: hear(&told)})
		r.Capacity()
		assert.Empty(t, told, "it may be that of a connection that has heard nothing")
		c.set(true, func() { c.max = 7 })
		r.Capacity()
		assert.Equal(t, []int{7}, told)
		begin(t, r, 1)
		r.Capacity()
		assert.Equal(t, []int{7}, told)
		c.set(true, func() { c.max = 1 })
		r.Capacity()
		assert.Equal(t, []int{7}, told, "no stream is available: the server may be leaving")
		c.set(true, func() { c.max = 9 })
		r.Capacity()
		assert.Equal(t, []int{7, 9}, told)
	})
}

// A connection that is full from the beginning tells how many that is, unless a request is in
// flight after which it takes no more.
func TestLimitHearsOfANumberThatIsInFlight(t *testing.T) {
	for name, tt := range map[string]struct {
		req  http.Request
		told []int
	}{
		"a request":                 {told: []int{-1}},
		"its last request":          {req: http.Request{Close: true}},
		"its last one, by a header": {req: http.Request{Header: http.Header{"Connection": {"Close"}}}},
		"another header":            {req: http.Request{Header: http.Header{"Connection": {"keep-alive"}}}, told: []int{-1}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told []int
				c := newConn()
				r, _ := watched(t, c, h2.Options{Limit: hear(&told)})
				take(t, r, 1)
				c.answer = make(chan struct{})
				done := make(chan error)
				go func() {
					_, err := r.RoundTrip(&tt.req) //nolint:bodyclose // there is none
					done <- err
				}()
				synctest.Wait()
				r.Capacity()
				assert.Empty(t, told)
				c.set(false, func() { c.max = 1 })
				time.Sleep(10 * time.Millisecond)
				synctest.Wait()
				assert.Equal(t, tt.told, told)
				close(c.answer)
				require.NoError(t, <-done)
				c.streamEnds()
				r.End()
				assert.Equal(t, append(tt.told, 1), told, "there is room, so that is the server's number")
			})
		})
	}
}

// A connection that has no room any more after its ramp was left by its server: its number was the
// one that looks like none.
func TestLimitHearsNothingOfAGoodbyeAfterTheRamp(t *testing.T) {
	for name, tt := range map[string]struct {
		after time.Duration
		told  []int
	}{
		"the last look of the ramp": {after: 99 * time.Millisecond, told: []int{-1}},
		"after the ramp":            {after: 101 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told []int
				c := newConn()
				r, _ := watched(t, c, h2.Options{Limit: hear(&told)})
				take(t, r, 1)
				require.NoError(t, c.Reserve())
				time.Sleep(tt.after)
				c.set(false, func() { c.max = 1 })
				time.Sleep(10 * time.Millisecond)
				r.Capacity()
				assert.Equal(t, tt.told, told)
			})
		})
	}
}

// Nor is what a connection has in flight that is lost during a look its server's number.
func TestLimitHearsNothingOfAConnectionThatIsLostMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []int
		c := newConn()
		r, _ := watched(t, c, h2.Options{Limit: hear(&told)})
		take(t, r, 1)
		require.NoError(t, c.Reserve())
		c.afterInFlight = func() { // the streams end a moment later
			c.set(false, func() { c.err, c.max = errors.New("lost"), 0 })
		}
		r.Capacity()
		assert.Empty(t, told)
	})
}

// The end of the ramp is told, although nothing of the connection has changed.
func TestEndOfARampWithoutProofIsNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newConn()
		r, news := watched(t, c, h2.Options{})
		take(t, r, 1)
		require.NoError(t, c.Reserve())
		require.Equal(t, 1, r.Capacity())
		news()
		time.Sleep(101 * time.Millisecond)
		synctest.Wait()
		assert.NotZero(t, news())
		assert.Equal(t, h2.InitialStreams, r.Capacity())
	})
}

// Nor is a sum of two moments told.
func TestLimitHearsNothingOfASumOfTwoMoments(t *testing.T) {
	var told []int
	c, r, _ := ready(t, 5, h2.Options{Limit: hear(&told)})
	begin(t, r, 2)
	require.Equal(t, []int{5}, told)
	c.afterInFlight = c.streamEnds
	r.Capacity()
	assert.Equal(t, []int{5}, told)
}

// Two numbers of different moments make no number of the server.
func TestLimitIsNotKnownWhileStreamsComeAndGo(t *testing.T) {
	c, r, _ := ready(t, 5, h2.Options{})
	begin(t, r, 2)
	c.afterInFlight = c.streamEnds
	_, known := r.Limit()
	assert.False(t, known)
	n, known := r.Limit()
	assert.True(t, known)
	assert.Equal(t, 5, n)
	c.set(false, func() { c.max = 1 })
	_, known = r.Limit()
	assert.False(t, known, "no stream is available")
	c.set(false, func() { c.max = 5 })
	require.NoError(t, c.Close())
	_, known = r.Limit()
	assert.False(t, known, "it is lost")
}

// Callers who come when the last connection is gone have as many dials as they need, all at
// once, and not one after the other.
func TestTransportRemembersWhatAServerAllows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dials atomic.Int32
		tr := newTransport(t, h2.Config{IdleConnTimeout: time.Second, Dial: func(context.Context, h2.Host) (h2.Conn, error) {
			dials.Inc()
			time.Sleep(time.Millisecond)
			c := newConn()
			c.max = 2
			return &slowConn{c}, nil
		}})
		all := make(chan error, 16)
		burst := func(url string) int32 {
			dials.Store(0)
			for range 6 {
				go func() {
					_, err := fetch(tr, url)
					all <- err
				}()
			}
			synctest.Wait()
			n := dials.Load()
			for range 6 {
				require.NoError(t, <-all)
			}
			time.Sleep(time.Minute)
			require.Zero(t, tr.Stats().Open)
			return n
		}
		assert.EqualValues(t, 1, burst("https://a.example"))
		assert.EqualValues(t, 3, burst("https://a.example"))
		assert.EqualValues(t, 1, burst("https://b.example"), "it is not known")
	})
}

// No more is expected of a connection to a host not met yet than it may carry.
func TestTransportExpectsNoMoreThanMaxStreamsPerConn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dials atomic.Int32
		tr := newTransport(t, h2.Config{MaxStreamsPerConn: 2, Dial: func(context.Context, h2.Host) (h2.Conn, error) {
			dials.Inc()
			time.Sleep(time.Millisecond)
			return &slowConn{newConn()}, nil
		}})
		all := make(chan error, 6)
		for range 6 {
			go func() {
				_, err := fetch(tr, "https://a.example")
				all <- err
			}()
		}
		synctest.Wait()
		assert.EqualValues(t, 3, dials.Load())
		for range 6 {
			require.NoError(t, <-all)
		}
	})
}

// slowConn is a fakeConn whose responses take a while.
type slowConn struct{ *fakeConn }

func (c *slowConn) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := c.fakeConn.RoundTrip(req)
	if err == nil {
		time.Sleep(10 * time.Second)
		c.streamEnds()
	}
	return resp, err
}
