package httpsubject_test

import (
	"os"
	"sync"
	"testing"

	"github.com/berth-go/berth/benchmarks/httpsubject"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	httpsubject.ServeIfAsked()
	os.Exit(m.Run())
}

const conns = 3

// A client that opened more connections than the others would wait less.
func TestHTTP1ClientsGetAnswersAndKeepTheCap(t *testing.T) {
	server, err := httpsubject.NewHTTP1()
	require.NoError(t, err)
	defer func() { assert.NoError(t, server.Close()) }()
	for _, s := range httpsubject.All() {
		t.Run(s.Name, func(t *testing.T) {
			before := server.Conns()
			c, err := s.Open(server, conns)
			require.NoError(t, err)
			defer c.Close()
			getTogether(t, c)
			assert.LessOrEqual(t, server.Conns()-before, int64(conns))
			assert.Positive(t, server.Conns()-before)
		})
	}
}

func TestHTTP2ClientsGetAnswers(t *testing.T) {
	server, err := httpsubject.NewHTTP2(100)
	require.NoError(t, err)
	defer func() { assert.NoError(t, server.Close()) }()
	for _, s := range httpsubject.All() {
		if s.HTTP1Only {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			c, err := s.Open(server, conns)
			require.NoError(t, err)
			defer c.Close()
			getTogether(t, c)
		})
	}
}

func getTogether(t *testing.T, c httpsubject.Client) {
	t.Helper()
	const callers, requests = 10, 5
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for range requests {
				assert.NoError(t, c.Get(t.Context()))
			}
		})
	}
	all.Wait()
}

func TestAServerThatHasEndedAnswersNobody(t *testing.T) {
	server, err := httpsubject.NewHTTP1()
	require.NoError(t, err)
	require.NoError(t, server.Close())
	c, err := httpsubject.All()[0].Open(server, conns)
	require.NoError(t, err)
	defer c.Close()
	assert.Error(t, c.Get(t.Context()))
}
