package main

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestFirstStampOfEachKindStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger(1)
		time.Sleep(time.Second) // fake time
		l.call(0)
		time.Sleep(time.Second)
		l.call(0)
		l.ask(0)
		time.Sleep(time.Second)
		l.ask(0)
		l.serve(0, 3, 4)
		l.serve(0, 5, 6)
		assert.Equal(t, []entry{{called: time.Second, asked: 2 * time.Second, waiting: 3, turn: 4}}, l.served())
	})
}

func TestWithoutATraceARequestAsksWhenItIsCalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger(1)
		time.Sleep(time.Second)
		l.call(0)
		l.serve(0, 0, 2*time.Second)
		assert.Equal(t, time.Second, l.served()[0].asked)
	})
}

func TestOnlyServedRequestsAreRead(t *testing.T) {
	l := newLedger(3)
	l.call(0)
	l.call(1)
	l.serve(1, 7, 8)
	l.serve(-1, 1, 1) // numbers that no request has
	l.serve(3, 1, 1)
	entries := l.served()
	assert.Len(t, entries, 1)
	assert.Equal(t, time.Duration(8), entries[0].turn)
}
