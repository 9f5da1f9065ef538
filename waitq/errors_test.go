package waitq_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/berth-go/berth/waitq"
	"github.com/stretchr/testify/assert"
)

// manyErrors is an error that cannot be compared with ==.
type manyErrors []string

func (m manyErrors) Error() string { return strings.Join(m, ", ") }

// strangeContext is one of the user's own, with an error that cannot be compared.
type strangeContext struct{ context.Context }

func (strangeContext) Err() error { return manyErrors{"one", "two"} }

func TestContextErrorIsNilWhileTheContextLives(t *testing.T) {
	assert.NoError(t, waitq.ContextError(t.Context()))
}

func TestContextErrorWithoutACauseIsTheContextsOwn(t *testing.T) {
	assert.Equal(t, context.Canceled, waitq.ContextError(doneContext()))

	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(nil)
	assert.Equal(t, context.Canceled, waitq.ContextError(ctx))
}

func TestContextErrorReportsErrorAndCause(t *testing.T) {
	cause := fmt.Errorf("no more: %w", errClosed)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	err := waitq.ContextError(ctx)
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, err, cause)
	assert.ErrorIs(t, err, errClosed)
}

func TestContextErrorBearsErrorsThatCannotBeCompared(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(manyErrors{"one", "two"})
	assert.EqualError(t, waitq.ContextError(ctx), "context canceled: one, two")
	assert.ErrorContains(t, waitq.ContextError(strangeContext{t.Context()}), "one, two")
}
