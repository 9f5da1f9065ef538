package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
)

// Options are what the command line says.
type options struct {
	urls       []string // the user's servers; none: two of our own
	requests   int      // per server and transport
	goroutines int
	conns      int // the cap, per server
	insecure   bool
}

// maxRequests bounds -n. Every request's stamps are kept until the run is over.
const maxRequests = 10_000_000

const about = `Quickstart sends the same load through Berth and through a plain http.Transport,
both with the same cap of connections, and prints what the servers saw. Without
-url it starts two servers of its own on loopback.

Flags:
`

// parse reads the command line. It starts nothing, so a wrong flag costs nothing.
// It has written what is wrong, or the help, to w
// when it returns an error; for the help the error is flag.ErrHelp.
func parse(args []string, w io.Writer) (options, error) {
	var o options
	// A flag set of its own, which returns errors: the package's would end the
	// process, and tests with it.
	fs := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	fs.SetOutput(w)
	fs.Usage = func() {
		fmt.Fprint(w, about)
		fs.PrintDefaults()
	}
	fs.Func("url", "the `address` of a server of yours, as in http://localhost:8080/; repeat for more (default: two of our own)", func(s string) error {
		u, err := serverURL(s)
		o.urls = append(o.urls, u)
		return err
	})
	fs.IntVar(&o.requests, "n", 2000, "requests per server and transport")
	fs.IntVar(&o.goroutines, "c", 64, "goroutines that send them")
	fs.IntVar(&o.conns, "conns", 4, "connections allowed per server")
	fs.BoolVar(&o.insecure, "insecure", false, "do not verify the certificates of -url servers")
	if err := fs.Parse(args); err != nil {
		return options{}, err
	}
	if err := o.check(fs.Args()); err != nil {
		fmt.Fprintf(w, "quickstart: %v (-h shows the flags)\n", err)
		return options{}, err
	}
	return o, nil
}

// check tests what the flag package cannot. Its errors name the flag and the value
// that was given, for whoever calls this from a script.
func (o options) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q: servers are given with -url", rest[0])
	case o.requests < 1:
		return fmt.Errorf("-n is %d: there must be at least one request", o.requests)
	case o.requests > maxRequests:
		return fmt.Errorf("-n is %d: more than %d are not kept in memory", o.requests, maxRequests)
	case o.goroutines < 1:
		return fmt.Errorf("-c is %d: there must be at least one goroutine", o.goroutines)
	case o.conns < 1:
		return fmt.Errorf("-conns is %d: there must be at least one connection", o.conns)
	case o.insecure && len(o.urls) == 0:
		// Our own servers' certificate is always verified; saying nothing would
		// leave the user to believe that the flag did something.
		return errors.New("-insecure needs -url: it is about servers of yours")
	}
	return nil
}

// serverURL returns s if a client can send a request to it. A missing scheme is
// the usual slip, and url.Parse takes "localhost" for one.
func serverURL(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil {
		return "", err
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return "", errors.New("the scheme must be http or https, as in http://localhost:8080/")
	}
	if u.Host == "" {
		return "", errors.New("there is no host in it")
	}
	return s, nil
}
