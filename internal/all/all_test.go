package all_test

import (
	"runtime"
	"testing"

	"github.com/berth-go/berth/internal/all"
	"github.com/stretchr/testify/assert"
)

func TestEachCallIsMadeWhateverBecomesOfTheOthers(t *testing.T) {
	for name, tt := range map[string]struct {
		ends map[int]func() // by the number of the call
		want any            // the panic that the caller sees
		goes bool           // the goroutine ends
	}{
		"well":         {},
		"panic":        {ends: map[int]func(){1: func() { panic("one") }, 3: func() { panic("three") }}, want: "one"},
		"last":         {ends: map[int]func(){3: func() { panic("three") }}, want: "three"},
		"Goexit":       {ends: map[int]func(){0: runtime.Goexit, 2: runtime.Goexit}, goes: true},
		"both":         {ends: map[int]func(){0: func() { panic("zero") }, 1: runtime.Goexit}, goes: true},
		"other way":    {ends: map[int]func(){0: runtime.Goexit, 1: func() { panic("one") }}, goes: true},
		"Goexit, last": {ends: map[int]func(){3: runtime.Goexit}, goes: true},
	} {
		t.Run(name, func(t *testing.T) {
			var called []int
			var caught any
			returned, ended := false, make(chan struct{})
			go func() {
				defer close(ended)
				defer func() { caught = recover() }()
				all.Each([]int{0, 1, 2, 3}, func(i int) {
					called = append(called, i)
					if end := tt.ends[i]; end != nil {
						end()
					}
				})
				returned = true
			}()
			<-ended
			assert.Equal(t, []int{0, 1, 2, 3}, called)
			assert.Equal(t, tt.want, caught)
			assert.Equal(t, tt.want == nil && !tt.goes, returned)
		})
	}
}

func TestEachOfNone(t *testing.T) {
	all.Each(nil, func(int) { t.Error("called") })
}
