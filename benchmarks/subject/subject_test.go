package subject_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/berth-go/berth/benchmarks/subject"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const size = 3

// everything is all that is measured as a pool, floors too.
func everything() []subject.Subject {
	return slices.Concat(subject.All(), subject.Floors(), []subject.Subject{subject.QueueFloor()})
}

// A subject that was set up wrong would be measured at something else than the
// others: each must keep the cap and lend a resource to one caller at a time.
func TestSubjectsKeepTheCapAndLendToOneCallerAtATime(t *testing.T) {
	for _, s := range everything() {
		if s.Uncapped || s.Shared {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			dialer := &subject.Dialer{}
			p, err := s.Open(subject.Config{Size: size, Dial: dialer.Dial})
			require.NoError(t, err)
			defer p.Close()
			checkLending(t, p.Use)
			assert.LessOrEqual(t, dialer.Attempts(), int64(size), "resources are dialled again although they are good")
		})
	}
}

// checkLending lets many callers use a pool and looks at each resource whether
// it has one holder, and that no more than size are in use.
func checkLending(t *testing.T, use func(context.Context, func(*subject.Resource)) error) {
	t.Helper()
	var lent sync.Map // of resources to *atomic.Int32
	var inUse, most atomic.Int32
	hold := func(r *subject.Resource) {
		v, _ := lent.LoadOrStore(r, new(atomic.Int32))
		holders := v.(*atomic.Int32)
		assert.EqualValues(t, 1, holders.Add(1), "resource %d has two holders", r.ID)
		for n := inUse.Add(1); n > most.Load(); n = inUse.Load() {
			most.Store(n)
		}
		runtime.Gosched()
		inUse.Add(-1)
		holders.Add(-1)
	}
	useTogether(t, use, hold)
	assert.LessOrEqual(t, most.Load(), int32(size))
}

// useTogether lets many callers use a pool, each some times.
func useTogether(t *testing.T, use func(context.Context, func(*subject.Resource)) error, hold func(*subject.Resource)) {
	t.Helper()
	const callers, leases = 20, 20
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for range leases {
				assert.NoError(t, use(t.Context(), hold))
			}
		})
	}
	all.Wait()
}

func TestSharedSubjectsDialOnce(t *testing.T) {
	for _, s := range everything() {
		if !s.Shared {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			dialer := &subject.Dialer{}
			p, err := s.Open(subject.Config{Size: size, Dial: dialer.Dial})
			require.NoError(t, err)
			defer p.Close()
			useTogether(t, p.Use, func(*subject.Resource) { runtime.Gosched() })
			assert.EqualValues(t, 1, dialer.Attempts())
		})
	}
}

func TestSubjectsReportAFailedDialAndGoOn(t *testing.T) {
	errDown := errors.New("down")
	for _, s := range everything() {
		if s.Name == subject.Harness {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			fail := true
			p, err := s.Open(subject.Config{Size: size, Dial: (&subject.Dialer{Before: func(context.Context) error {
				if fail {
					return errDown
				}
				return nil
			}}).Dial})
			require.NoError(t, err)
			defer p.Close()
			for range size + 1 { // a slot that is lost by a failure would be missed
				require.ErrorIs(t, p.Use(t.Context(), nil), errDown)
			}
			fail = false
			assert.NoError(t, p.Use(t.Context(), nil))
		})
	}
}

func TestKeyedSubjectsKeepAPoolForEachKey(t *testing.T) {
	for _, s := range subject.AllKeyed() {
		t.Run(s.Name, func(t *testing.T) {
			dialer := &subject.Dialer{}
			p, err := s.Open(subject.Config{Size: 1, Dial: dialer.Dial})
			require.NoError(t, err)
			defer p.Close()
			for range 3 {
				for key := range uint64(5) {
					require.NoError(t, p.UseKey(t.Context(), key, nil))
				}
			}
			assert.EqualValues(t, 5, dialer.Attempts())
		})
	}
}

func TestKeyedSubjectsKeepTheCapOfAKeyAndLendToOneCallerAtATime(t *testing.T) {
	for _, s := range subject.AllKeyed() {
		t.Run(s.Name, func(t *testing.T) {
			p, err := s.Open(subject.Config{Size: size})
			require.NoError(t, err)
			defer p.Close()
			checkLending(t, func(ctx context.Context, hold func(*subject.Resource)) error { return p.UseKey(ctx, 7, hold) })
		})
	}
}
