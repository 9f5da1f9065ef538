package pool

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// dialTimeError is the cause of the end of a dial's ctx by DialTimeout.
type dialTimeError struct{}

func (dialTimeError) Error() string { return "pool: DialTimeout passed" }
func (dialTimeError) Unwrap() error { return context.DeadlineExceeded }
func (dialTimeError) Timeout() bool { return true }

// lateDialError is what Dial returned when DialTimeout had ended its ctx. Most return the
// ctx's error, which does not say whose time was over.
type lateDialError struct {
	err   error
	limit time.Duration
}

func (e *lateDialError) Error() string { return fmt.Sprintf("%v (DialTimeout is %v)", e.err, e.limit) }
func (e *lateDialError) Unwrap() error { return e.err }

// sayLate returns err, which Dial returned, with DialTimeout named if that is why and err
// does not say so.
func (p *Pool[R]) sayLate(ctx context.Context, err error) error {
	late := dialTimeError{}
	if isTimeout(err) && !errors.Is(err, late) && errors.Is(context.Cause(ctx), late) {
		return &lateDialError{err, p.cfg.DialTimeout}
	}
	return err
}
