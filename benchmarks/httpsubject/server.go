package httpsubject

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// answer is what each server says.
const answer = "hello, berth\n"

const longWait = time.Minute

// A Server is a server in a process of its own, so that what it allocates is not
// charged to clients. It counts the connections that clients open through it.
type Server struct {
	URL string

	addr    string
	roots   *x509.CertPool // nil: no TLS
	streams int            // of a connection at once; 0: it is HTTP/1
	opened  atomic.Int64

	process *exec.Cmd
	stdin   io.Closer // its end is the end of the server
}

// Conns returns how many connections have been opened so far.
func (s *Server) Conns() int64 { return s.opened.Load() }

// dial opens a connection and counts it.
func (s *Server) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err == nil {
		s.opened.Add(1)
	}
	return c, err
}

// Close ends the server and its connections.
func (s *Server) Close() error { return errors.Join(s.stdin.Close(), s.process.Wait()) }

// NewHTTP1 starts a server for HTTP/1.1 without TLS.
func NewHTTP1() (*Server, error) { return start(0) }

// NewHTTP2 starts a server for HTTP/2 over TLS whose connections carry so many
// streams at once.
func NewHTTP2(streams int) (*Server, error) { return start(streams) }

// start runs this program again with the variable that makes it Serve.
func start(streams int) (*Server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &Server{streams: streams, process: exec.Command(self)}
	s.process.Env = append(os.Environ(), serveVariable+"="+strconv.Itoa(streams))
	s.process.Stderr = os.Stderr
	in, err := s.process.StdinPipe()
	if err != nil {
		return nil, err
	}
	s.stdin = in
	out, err := s.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	if err := s.meet(out); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// meet reads where the server listens and how it is recognized.
func (s *Server) meet(out io.Reader) error {
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("the server said nothing; does the program call ServeIfAsked? %w", err)
	}
	var said hello
	if err := json.Unmarshal(line, &said); err != nil {
		return err
	}
	_, s.addr, _ = strings.Cut(said.URL, "://")
	s.URL = said.URL
	if said.Certificate == nil {
		return nil
	}
	cert, err := x509.ParseCertificate(said.Certificate)
	if err != nil {
		return err
	}
	s.roots = x509.NewCertPool()
	s.roots.AddCert(cert)
	return nil
}
