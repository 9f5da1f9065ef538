package httpsubject

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
)

// serveVariable tells a program that it is to be a server: for HTTP/2 with so
// many streams on a connection, or with 0 for HTTP/1.1.
const serveVariable = "BERTH_BENCHMARKS_SERVE"

// hello is the one line that a server writes.
type hello struct {
	URL         string
	Certificate []byte // nil: no TLS
}

// ServeIfAsked makes the program a server and ends it, if start began it for
// that. Programs that use this package call it first of all.
func ServeIfAsked() {
	asked := os.Getenv(serveVariable)
	if asked == "" {
		return
	}
	if err := serve(asked, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// serve serves until in ends, which it does at the latest with the process that
// holds its other end.
func serve(asked string, in io.Reader, out io.Writer) error {
	streams, err := strconv.Atoi(asked)
	if err != nil {
		return err
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, answer)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // clients drop connections as they like
	var said hello
	if streams > 0 {
		server.EnableHTTP2 = true
		server.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: streams}
		server.StartTLS()
		said.Certificate = server.Certificate().Raw
	} else {
		server.Start()
	}
	said.URL = server.URL
	if err := json.NewEncoder(out).Encode(said); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return err
	}
	server.CloseClientConnections()
	server.Close()
	return nil
}
