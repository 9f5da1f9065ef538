package waitq_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/berth-go/berth/waitq"
	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
)

// A wait starts no goroutine, so whatever runs on after the tests is a waiter
// that nobody woke.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bubble runs f in a synctest bubble. Few of the tests need its clock: they run
// there because a waiter that is never woken, or a giver that blocks, fails at
// once as a deadlock.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// doneContext returns a context that was done before anybody used it.
func doneContext() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// outcome is what a Wait returned.
type outcome struct {
	value int
	err   error
}

// waitAside calls Wait in a goroutine. The channel has room, so the goroutine
// ends even if a failed test never reads it.
func waitAside(w waitq.Waiter[int]) <-chan outcome {
	ended := make(chan outcome, 1)
	go func() {
		v, err := w.Wait()
		ended <- outcome{v, err}
	}()
	return ended
}

// assertGets checks that w gets want, without having to wait for it.
func assertGets(t *testing.T, want int, w waitq.Waiter[int]) {
	t.Helper()
	got, err := w.Wait()
	assert.NoError(t, err)
	assert.Equal(t, want, got)
}

// assertFails checks that w ends with the error want and without a value.
func assertFails(t *testing.T, want error, w waitq.Waiter[int]) {
	t.Helper()
	got, err := w.Wait()
	assert.ErrorIs(t, err, want)
	assert.Zero(t, got)
}

// places returns the places of the live waiters, oldest first.
func places(q *waitq.Queue[int]) []uint64 {
	var all []uint64
	q.Each(func(e waitq.Entry) bool {
		all = append(all, e.Place)
		return true
	})
	return all
}
