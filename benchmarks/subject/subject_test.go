package subject_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/berth-go/berth/benchmarks/subject"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const size = 3

// A subject that was set up wrong would be measured at something else than the
// others: each must keep the cap and lend a resource to one caller at a time.
func TestSubjectsKeepTheCapAndLendToOneCallerAtATime(t *testing.T) {
	for _, s := range subject.All() {
		if s.Uncapped || s.Shared {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			dialer := &subject.Dialer{}
			p, err := s.Open(subject.Config{Size: size, Dial: dialer.Dial})
			require.NoError(t, err)
			defer p.Close()
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
			useTogether(t, p, hold)
			assert.LessOrEqual(t, most.Load(), int32(size))
			assert.LessOrEqual(t, dialer.Attempts(), int64(size), "resources are dialled again although they are good")
		})
	}
}

// useTogether lets many callers use p, each some times.
func useTogether(t *testing.T, p subject.Pool, hold func(*subject.Resource)) {
	t.Helper()
	const callers, leases = 20, 20
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for range leases {
				assert.NoError(t, p.Use(t.Context(), hold))
			}
		})
	}
	all.Wait()
}

func TestSharedSubjectDialsOnce(t *testing.T) {
	dialer := &subject.Dialer{}
	p, err := subject.Named(subject.Shared)[0].Open(subject.Config{Size: size, Dial: dialer.Dial})
	require.NoError(t, err)
	defer p.Close()
	useTogether(t, p, func(*subject.Resource) { runtime.Gosched() })
	assert.EqualValues(t, 1, dialer.Attempts())
}

func TestSubjectsReportAFailedDialAndGoOn(t *testing.T) {
	errDown := errors.New("down")
	for _, s := range subject.All() {
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
