package main

import (
	"net"
	"sync"
)

// A gauge counts connections: how many there were and how many at once. It is
// fed by the side that knows best, which is the server where the server is ours.
type gauge struct {
	mu struct {
		sync.Mutex
		total, open, most int
	}
}

// opened counts one more. It is called when the connection exists and before it
// is handed to anybody.
func (g *gauge) opened() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mu.total++
	g.mu.open++
	g.mu.most = max(g.mu.most, g.mu.open)
}

// closed counts one less among those open at once; the total stays.
func (g *gauge) closed() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mu.open--
}

// read returns how many connections there were in all and the most that were
// open at once.
func (g *gauge) read() (total, most int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.mu.total, g.mu.most
}

// A countedConn tells its gauge when it opens and when it is closed first.
type countedConn struct {
	net.Conn
	gauge *gauge
	once  sync.Once // net/http may close a connection more than once
}

// countConn returns c, counted. Its owner is whoever closes it.
func countConn(c net.Conn, g *gauge) *countedConn {
	g.opened()
	return &countedConn{Conn: c, gauge: g}
}

// Close counts only after the socket is closed, so that the gauge errs on the
// side of showing one connection too many.
func (c *countedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.gauge.closed)
	return err
}
