package httpconn

import (
	"net/http"
	"time"

	"go.uber.org/atomic"

	"github.com/berth-go/berth/pool"
)

// serial is an HTTP/1 connection as an exclusive resource: one request at a time,
// and between two of them now and then a moment in which there can be none,
// because the connection still reads what the last caller left unread.
type serial struct {
	conn *http.ClientConn

	leased atomic.Bool // from before Reserve until the response has been read
	used   bool        // a request has been sent; the holder's of the lease

	changed atomic.Pointer[func()] // the pool's, from watch
	told    atomic.Bool            // capacity was not 0 when the pool last asked

	looking atomic.Bool // lookAgain is going on

	// cut ends the connection, because of the end of the context, and then the exchange, if
	// the response has been delivered: nobody may read it any more. A panic of the net.Conn
	// goes on, as where net/http closes it: the request would never hear of the end. It and
	// over are fields so that they are made once, and not for each request.
	cut  func()
	over func() // the server's time is

	kept keepAlive

	// The pool ends the time of what is idle by a timer, and looks at no clock when it
	// hands out again what was used just before. Where the process was stopped between
	// the two, the timer comes late. Both are the holder's, by the wall clock.
	idleTime time.Duration // 0: no limit
	since    time.Time     // the end of the last lease
}

// newSerial returns conn, which has just been dialled, as a resource that may be idle after
// a request for as long as idle. 0: no limit. endDone ends an exchange on it whose context
// has ended.
func newSerial(conn *http.ClientConn, margin, idle time.Duration, endDone func() int) *serial {
	s := &serial{conn: conn, kept: keepAlive{margin: margin}, idleTime: idle}
	s.told.Store(true)
	s.cut = func() {
		defer endDone() // also after runtime.Goexit in Close of the net.Conn
		_ = conn.Close()
	}
	s.over = s.tell
	// The hook runs at the end of every response, on the way to the reader, and
	// under locks of the connection: it must only look and mark.
	conn.SetStateHook(func(*http.ClientConn) { s.look() })
	return s
}

func (s *serial) watch(changed func()) {
	s.changed.Store(&changed)
	s.look()
}

// look tells the pool what is news to it. While a lease is out its end is none: the
// holder looks for that.
func (s *serial) look() {
	if !s.told.Load() || !s.leased.Load() && s.conn.Err() != nil {
		s.tell()
	}
}

func (s *serial) tell() {
	if changed := s.changed.Load(); changed != nil {
		(*changed)()
	}
}

func (s *serial) take() error {
	if s.kept.isOver() {
		return errKeptTooLong // which capacity says too
	}
	if s.idleTime > 0 && s.used && time.Now().Round(0).Sub(s.since) > s.idleTime {
		return errIdleTooLong
	}
	s.leased.Store(true)
	err := s.conn.Reserve()
	if err != nil {
		s.leased.Store(false)
	}
	return err
}

// drop gives back what take got, for which there was no request.
// The server's time goes on.
func (s *serial) drop() {
	s.conn.Release()
	s.leased.Store(false)
	s.rest()
}

// rest is called after end, before the lease of a connection ends that can carry more
// requests. The connection may still be busy with what the holder has left unread; or its
// time may be over, and the timer may have come before end was done.
func (s *serial) rest() {
	if s.kept.isOver() || s.conn.Available() == 0 {
		s.tell()
	}
}

func (s *serial) end() {
	s.used = true
	if s.idleTime > 0 {
		s.since = time.Now().Round(0)
	}
	s.kept.idle(s.over)
	s.leased.Store(false)
}

func (s *serial) close() error {
	if t := s.kept.timer; t != nil {
		t.Stop()
	}
	return s.conn.Close()
}

// capacity returns 1 while a lease is out, whatever became of the connection: the
// holder finds out, and if the protocol was switched, the end of the connection as
// an HTTP connection is not the end of it.
func (s *serial) capacity() int {
	switch {
	case s.leased.Load():
		return 1
	case s.conn.Err() != nil, s.kept.isOver():
		return pool.Dead
	case s.conn.Available() > 0:
		s.told.Store(true)
		return 1
	}
	// From here on the hook reports whatever happens; and as it may have happened
	// just before, another look.
	s.told.Store(false)
	switch {
	case s.conn.Err() != nil:
		return pool.Dead
	case s.conn.Available() > 0:
		return 1
	}
	if !s.looking.Swap(true) {
		s.lookAgain(time.Millisecond)
	}
	return 0
}

// lookAgain is for a change that the hook does not report because it is running
// just then.
func (s *serial) lookAgain(pause time.Duration) {
	time.AfterFunc(pause, func() {
		if !s.told.Load() && s.conn.Err() == nil && s.conn.Available() == 0 {
			s.lookAgain(min(2*pause, 128*time.Millisecond))
			return
		}
		s.looking.Store(false) // first: who found it set counts on the look
		s.look()
	})
}
