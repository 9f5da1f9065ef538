package h2_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/adapters/h2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

// fickle is a Conn that takes back at once what it has said it has.
type fickle struct {
	*roomy
	reserves atomic.Int32
}

func (c *fickle) Reserve() error {
	if c.reserves.Inc() == 1 {
		return errors.New("no stream")
	}
	return c.roomy.Reserve()
}

func TestConnectionThatHadNoRoomGetsTheRequestAgain(t *testing.T) {
	answer := func(*http.Request) (*http.Response, error) { return &http.Response{}, nil }
	c := &fickle{roomy: &roomy{available: func(n int) int { return 10 - n }, do: answer}}
	tr := transportOf(t, c)
	require.NoError(t, fetchFrom(t.Context(), t, tr))
	assert.EqualValues(t, 2, c.reserves.Load())
	assert.EqualValues(t, 1, tr.Stats().Dials)
}

// There is no telling what state a Conn is in that has panicked.
func TestConnThatHasPanickedCarriesNoOtherRequest(t *testing.T) {
	tr := newTransport(t, h2.Config{Dial: func(context.Context, h2.Host) (h2.Conn, error) {
		var requests atomic.Int32
		return &roomy{available: func(n int) int { return 10 - n }, do: func(*http.Request) (*http.Response, error) {
			if requests.Inc() == 2 {
				panic("of the connection")
			}
			return &http.Response{}, nil
		}}, nil
	}})
	require.NoError(t, fetchFrom(t.Context(), t, tr))
	assert.PanicsWithValue(t, "of the connection", func() { _ = fetchFrom(t.Context(), t, tr) })
	require.NoError(t, fetchFrom(t.Context(), t, tr))
	assert.EqualValues(t, 2, tr.Stats().Dials)
}

// A request that is sent again stands where it stood.
func TestRefusedRequestKeepsItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var served []string // one after the other
		refused := false
		tr := transportOf(t, &roomy{available: func(n int) int { return 1 - n }, do: func(req *http.Request) (*http.Response, error) {
			time.Sleep(time.Second) // the others queue
			name := req.Header.Get("Name")
			if name == "first" && !refused {
				refused = true
				return nil, refusal{}
			}
			served = append(served, name)
			return &http.Response{}, nil
		}})
		done := make(chan error)
		names := []string{"first", "second", "third"}
		for _, name := range names {
			go func() {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://host.example", nil)
				assert.NoError(t, err)
				req.Header.Set("Name", name)
				resp, err := tr.RoundTrip(req)
				if err == nil {
					_ = resp.Body.Close()
				}
				done <- err
			}()
			synctest.Wait()
		}
		for range names {
			require.NoError(t, <-done)
		}
		assert.Less(t, slices.Index(served, "first"), slices.Index(served, "third"))
	})
}
