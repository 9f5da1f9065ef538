package door_test

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/berth-go/berth/internal/door"
	"github.com/stretchr/testify/assert"
)

func TestNobodyIsToldToLookAtWhatWasNotEmptied(t *testing.T) {
	var d door.Door
	assert.True(t, d.Enter())
	assert.True(t, d.Enter())
	assert.False(t, d.Leave())
	assert.False(t, d.Leave(), "nothing has become empty")
}

func empty() bool { return true }

func full() bool { return false }

func TestLastWhoLeavesLooksAfterItBecameEmpty(t *testing.T) {
	var d door.Door
	assert.True(t, d.Await(), "nobody is inside: whoever emptied it looks")
	assert.True(t, d.Enter())
	assert.True(t, d.Enter())
	assert.False(t, d.Await(), "the last will look")
	assert.False(t, d.Leave(), "one is inside")
	assert.True(t, d.Leave())
	assert.True(t, d.Enter())
	assert.True(t, d.Leave(), "nobody has looked yet")
	assert.False(t, d.Look(full))
	assert.True(t, d.Enter())
	assert.False(t, d.Leave(), "somebody has looked, and it was not empty")
}

func TestDoorShutsWhenNobodyIsInside(t *testing.T) {
	var d door.Door
	assert.True(t, d.Enter())
	assert.False(t, d.Look(empty), "one is inside")
	assert.True(t, d.Enter(), "so it stays open")
	assert.False(t, d.Leave())
	assert.True(t, d.Leave(), "who was not told before")
	assert.True(t, d.Look(empty))
	assert.False(t, d.Enter())
	assert.True(t, d.Await())
	assert.False(t, d.Look(empty), "it is shut")
}

func TestCallThatComesDuringALookKeepsTheDoorOpen(t *testing.T) {
	var d door.Door
	assert.False(t, d.Look(func() bool {
		assert.True(t, d.Enter())
		assert.True(t, d.Leave(), "it may have left something that who looks no longer sees")
		return true
	}))
	assert.True(t, d.Enter(), "it is open")
	assert.True(t, d.Leave())
	assert.True(t, d.Look(empty))
}

// What becomes empty when somebody has just looked is not missed.
func TestWhatBecomesEmptyDuringALookIsLookedAtAgain(t *testing.T) {
	var d door.Door
	assert.False(t, d.Look(func() bool {
		assert.True(t, d.Enter())
		assert.False(t, d.Await())
		return false
	}))
	assert.True(t, d.Leave())
	assert.True(t, d.Look(empty))
}

// house is what a keyed pool has for a key: it is thrown away when it is empty.
type house struct {
	door door.Door

	mu     sync.Mutex // over things
	things int

	keys  *sync.Mutex // over gone
	gone  bool
	times int // it was thrown away
	left  int // things that were in it then
}

// put puts n things in, or takes them out.
func (h *house) put(n int) {
	h.mu.Lock()
	h.things += n
	empty := h.things == 0
	h.mu.Unlock()
	if empty && n < 0 && h.door.Await() {
		h.look()
	}
}

func (h *house) look() {
	h.keys.Lock()
	defer h.keys.Unlock()
	if h.door.Look(func() bool { return h.count() == 0 }) {
		h.gone = true
		h.times++
		h.left += h.count()
	}
}

func (h *house) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.things
}

// Callers come and go, and what they leave is taken out by others. In the end all is
// gone, once, and nobody came in after that.
func TestEmptyThingsGoOnceAndNobodyIsInThem(t *testing.T) {
	const callers = 4
	for range 3_000 {
		h := &house{keys: &sync.Mutex{}}
		h.door.Enter()
		h.door.Await()
		var wg sync.WaitGroup
		call := func() {
			h.keys.Lock()
			gone := h.gone
			h.keys.Unlock()
			assert.False(t, gone, "nobody comes in any more")
			switch rand.IntN(3) {
			case 0: // an error
			case 1:
				h.put(1)
				h.put(-1)
			case 2:
				h.put(1)
				wg.Go(func() { h.put(-1) })
			}
			if h.door.Leave() {
				h.look()
			}
		}
		for range callers {
			wg.Go(func() {
				if h.door.Enter() {
					call()
				}
			})
		}
		call()
		wg.Wait()
		if !assert.Equal(t, 1, h.times) || !assert.Zero(t, h.left) || !assert.False(t, h.door.Enter()) {
			return
		}
	}
}
