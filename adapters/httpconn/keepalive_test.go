package httpconn_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
	"github.com/berth-go/berth/pool"
)

func TestKeepAliveTimeoutOfTheServerIsHeeded(t *testing.T) {
	for _, tt := range []struct {
		header string
		margin time.Duration
		kept   bool
	}{
		{"timeout=0", 0, false},
		{"max=5, Timeout=0", 0, false},
		{`timeout="0"`, 0, false},
		{"timeout=0", -1, true},
		{"timeout=60", 0, true},
		{"timeout=60", time.Hour, true}, // not less than half
		{"timeout=-1", 0, true},
		{"timeout=x", 0, true},
		{"max=0", 0, true},
	} {
		t.Run(fmt.Sprint(tt.header, " ", tt.margin), func(t *testing.T) {
			s := serve(t, plain1, func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Keep-Alive"] = []string{tt.header}
				_, _ = io.WriteString(w, "ok")
			})
			c := newClient(t, plain1, s, httpconn.Config{KeepAliveMargin: tt.margin})
			c.mustGet(s.URL)
			if !tt.kept {
				until(t, "connection closed", func() bool { return c.Stats().Closes.Of(pool.ReasonCapacity) == 1 })
			}
			c.mustGet(s.URL)
			want := 2
			if tt.kept {
				want = 1
			}
			assert.Equal(t, want, c.wires.dialled())
		})
	}
}

func TestReadIsInterruptedByClose(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		s := serve(t, k, endless)
		c := newClient(t, k, s, httpconn.Config{})
		resp, err := c.http.Get(s.URL)
		require.NoError(t, err)
		_, err = io.ReadFull(resp.Body, make([]byte, 5))
		require.NoError(t, err)
		reading := make(chan error, 1)
		go func() {
			_, err := resp.Body.Read(make([]byte, 1))
			reading <- err
		}()
		require.NoError(t, resp.Body.Close())
		err = within(t, reading, "end of Read")
		require.Error(t, err)
		assert.Contains(t, err.Error(), "closed")
	})
}
