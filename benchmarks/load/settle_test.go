package load_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/berth-go/berth/benchmarks/load"
	"github.com/berth-go/berth/benchmarks/subject"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSettleReturnsWhenAllOthersSleep(t *testing.T) {
	const callers = 1_000
	var asleep atomic.Int32
	wake := make(chan struct{})
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			asleep.Add(1)
			<-wake
		})
	}
	load.Settle()
	assert.EqualValues(t, callers, asleep.Load())
	close(wake)
	all.Wait()
}

func TestHoldManyKeepsThatManyUntilItsEnd(t *testing.T) {
	const n = 5
	p, err := subject.QueueFloor().Open(subject.Config{Size: n})
	require.NoError(t, err)
	defer p.Close()
	end, err := load.HoldMany(t.Context(), p, n)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() { failed <- p.Use(ctx, nil) }()
	load.Settle()
	cancel()
	require.ErrorIs(t, <-failed, context.Canceled)
	end()
	require.NoError(t, p.Use(t.Context(), nil))

	_, err = load.HoldMany(ctx, p, n)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestFillDialsAndHoldKeepsOne(t *testing.T) {
	dialer := &subject.Dialer{}
	p, err := subject.Named(subject.Channel)[0].Open(subject.Config{Size: 3, Dial: dialer.Dial})
	require.NoError(t, err)
	require.NoError(t, load.Fill(t.Context(), p, 3))
	assert.EqualValues(t, 3, dialer.Attempts())

	var ends []func()
	for range 3 {
		end, err := load.Hold(t.Context(), p)
		require.NoError(t, err)
		ends = append(ends, end)
	}
	served := make(chan struct{})
	go func() {
		assert.NoError(t, p.Use(t.Context(), nil))
		close(served)
	}()
	load.Settle()
	select {
	case <-served:
		t.Error("a caller was served although all were held")
	default:
	}
	for _, end := range ends {
		end()
	}
	<-served
}
