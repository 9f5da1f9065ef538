package main

import (
	"net"
	"net/http/httptrace"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A scene is a connection that is opened after 1 s, heard from after 2 s, and got
// by request 0 after 3 s.
func scene(t *testing.T) (*ledger, *sighting) {
	r := &run{ledger: newLedger(1)}
	ours, theirs := net.Pipe()
	t.Cleanup(func() { _ = ours.Close(); _ = theirs.Close() })
	time.Sleep(time.Second) // fake time
	c := newDialledConn(ours, r)
	time.Sleep(time.Second)
	go func() { _, _ = theirs.Write([]byte("x")) }()
	_, err := c.Read(make([]byte, 1))
	require.NoError(t, err)
	time.Sleep(time.Second)
	s := &sighting{ledger: r.ledger}
	s.gotConn(httptrace.GotConnInfo{Conn: c})
	return r.ledger, s
}

func TestOnAnExclusiveConnectionARequestWaitedUntilTheAnswerBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := scene(t)
		time.Sleep(time.Second)
		s.gotConn(httptrace.GotConnInfo{}) // a second attempt, which does not count
		s.note(0, false)
		assert.Equal(t, []entry{{waiting: 2 * time.Second, turn: 3 * time.Second}}, l.served())
	})
}

func TestOnASharedConnectionARequestWaitedUntilItWasOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := scene(t)
		s.note(0, true)
		assert.Equal(t, []entry{{waiting: time.Second, turn: 3 * time.Second}}, l.served())
	})
}

func TestARequestThatGotNoConnectionHadNoTurn(t *testing.T) {
	l := newLedger(1)
	(&sighting{ledger: l}).note(0, false)
	assert.Empty(t, l.served())
}

func TestAnUnknownConnectionProvesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger(1)
		time.Sleep(time.Second)
		s := &sighting{ledger: l}
		s.gotConn(httptrace.GotConnInfo{})
		s.note(0, false)
		assert.Equal(t, []entry{{waiting: 0, turn: time.Second}}, l.served())
	})
}
