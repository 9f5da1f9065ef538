package h2_test

import (
	"net/http"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/h2"
	"github.com/berth-go/berth/pool"
)

// refusal is what the refusal of a stream by the server looks like.
type refusal struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

func (refusal) Error() string { return "stream error: REFUSED_STREAM" }

func (refusal) As(target any) bool {
	v := reflect.ValueOf(target).Elem()
	if v.Kind() != reflect.Struct || !v.FieldByName("Code").IsValid() {
		return false
	}
	v.FieldByName("Code").SetUint(7)
	return true
}

// Of a server that refuses streams time and again nothing more is to be had, unless that
// was our fault: before its number was known, more may have been sent than it allows.
func TestServerThatRefusesIsLeftUnlessItsNumberWasUnknown(t *testing.T) {
	for name, tt := range map[string]struct {
		known bool
		want  int
	}{
		"its number was known":   {true, pool.Draining},
		"its number was unknown": {false, h2.InitialStreams},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newConn()
				r, _ := watched(t, c, h2.Options{})
				if tt.known {
					begin(t, r, 1)
					c.streamEnds()
					r.End()
				}
				time.Sleep(time.Second) // the ramp is over
				c.roundTrip, c.answer = refusal{}, make(chan struct{})
				take(t, r, 3)
				done := make(chan error)
				for range 3 {
					go func() {
						req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://host.example", nil)
						assert.NoError(t, err)
						_, err = r.RoundTrip(req) //nolint:bodyclose // there is no response
						r.End()
						done <- err
					}()
				}
				synctest.Wait() // all are sent
				close(c.answer)
				for range 3 {
					require.ErrorAs(t, <-done, &refusal{})
				}
				assert.Equal(t, tt.want, r.Capacity())
			})
		})
	}
}

// A connection that tells of nothing is asked so often that a server which lowers its
// number of streams looks, for a while, like one that is leaving.
func TestConnThatIsAskedNowAndThenIsNotTakenForOneThatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newConn()
		fake.max = 2
		r := h2.NewResource(otherConn{fake, func(*http.Request) (*http.Response, error) {
			return &http.Response{Body: http.NoBody}, nil
		}}, h2.Options{})
		begin(t, r, 1)
		require.Equal(t, 2, r.Capacity())
		fake.set(false, func() { fake.max = 1 })
		time.Sleep(time.Minute)
		assert.Equal(t, 1, r.Capacity())
		require.NoError(t, r.Close())
	})
}
