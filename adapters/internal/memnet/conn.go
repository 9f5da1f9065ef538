package memnet

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// bufferSize is how much may be on its way in one direction.
const bufferSize = 64 << 10

// conn is one end of a connection.
type conn struct {
	in, out       *stream
	local, remote address
}

// newPair returns the two ends of a connection from caller to addr.
func newPair(caller, addr address) (client, server *conn) {
	up, down := newStream(), newStream()
	return &conn{in: down, out: up, local: caller, remote: addr}, &conn{in: up, out: down, local: addr, remote: caller}
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	return n, c.named("read", err)
}

func (c *conn) Write(p []byte) (int, error) {
	n, err := c.out.write(p)
	return n, c.named("write", err)
}

// Close ends both directions. The peer still reads what was written.
func (c *conn) Close() error {
	c.in.closeReader()
	c.out.closeWriter(net.ErrClosed)
	return nil
}

// CloseWrite ends the direction to the peer.
func (c *conn) CloseWrite() error {
	c.out.closeWriter(syscall.EPIPE)
	return nil
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

func (c *conn) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.in.reader.set(t, c.in.wake)
	return nil
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.out.writer.set(t, c.out.wake)
	return nil
}

func (c *conn) named(op string, err error) error {
	if err == nil || err == io.EOF { //nolint:errorlint // as read returns it
		return err
	}
	return opError(op, string(c.remote), err)
}

// stream is one direction.
type stream struct {
	mu        sync.Mutex
	changed   chan struct{} // closed and replaced whenever something did
	buf       []byte
	noReader  bool  // nobody reads what is written
	noWriter  bool  // nothing more comes
	writerErr error // for Write, once noWriter is set

	reader, writer deadline
}

func newStream() *stream { return &stream{changed: make(chan struct{})} }

// wake lets Read and Write look again. It is called without mu.
func (s *stream) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wakeLocked()
}

func (s *stream) wakeLocked() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *stream) closeReader() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noReader, s.buf = true, nil
	s.reader.stop()
	s.wakeLocked()
}

func (s *stream) closeWriter(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noWriter, s.writerErr = true, err
	s.writer.stop()
	s.wakeLocked()
}

func (s *stream) read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.noReader:
			return 0, net.ErrClosed
		case s.reader.over():
			return 0, os.ErrDeadlineExceeded
		case len(s.buf) > 0:
			n := copy(p, s.buf)
			s.buf = s.buf[n:]
			s.wakeLocked()
			return n, nil
		case s.noWriter:
			return 0, io.EOF
		case len(p) == 0:
			return 0, nil
		}
		s.waitLocked()
	}
}

func (s *stream) write(p []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.noWriter:
			return n, s.writerErr
		case s.writer.over():
			return n, os.ErrDeadlineExceeded
		case s.noReader:
			return n, syscall.EPIPE
		}
		if room := min(bufferSize-len(s.buf), len(p)); room > 0 {
			s.buf = append(s.buf, p[:room]...)
			p, n = p[room:], n+room
			s.wakeLocked()
		}
		if len(p) == 0 {
			return n, nil
		}
		s.waitLocked()
	}
}

// waitLocked gives mu away until something has changed.
func (s *stream) waitLocked() {
	changed := s.changed
	s.mu.Unlock()
	<-changed
	s.mu.Lock()
}

// deadline is a time after which a call of one kind ends.
type deadline struct {
	mu    sync.Mutex
	at    time.Time // zero: none
	timer *time.Timer
}

func (d *deadline) set(at time.Time, wake func()) {
	d.mu.Lock()
	d.stopLocked()
	d.at = at
	if !at.IsZero() {
		d.timer = time.AfterFunc(time.Until(at), wake)
	}
	d.mu.Unlock()
	wake()
}

func (d *deadline) over() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.at.IsZero() && !time.Now().Before(d.at)
}

func (d *deadline) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopLocked()
}

func (d *deadline) stopLocked() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}
