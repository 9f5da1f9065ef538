// Command quickstart shows what Berth does with connections.
//
// It starts two real servers on loopback, one that speaks HTTP/1.1 and one that
// speaks HTTP/2 over TLS, and sends each the same load twice: through an
// http.Client on Berth, and through one on a plain http.Transport with the same
// limits. Then it prints what the servers saw: how many connections came, how
// many were open at once, how long requests waited for their turn and whether
// younger ones overtook older ones. Before each load there is a short rehearsal,
// whose numbers are not shown.
//
//	go run ./examples/quickstart
//
// With -url it does the same to servers of yours, without the rehearsal and as
// seen from the client; -h shows the flags. It exits with 0 if every request was
// answered, with 1 if not, with 2 if the command line is wrong and with 130 after
// an interrupt.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// Once the first signal has ended ctx a second one ends the process, should
	// something hang.
	context.AfterFunc(ctx, stop)
	os.Exit(quickstart(ctx, os.Args[1:], os.Stdout, os.Stderr, terminal(os.Stderr)))
}

// quickstart is main without the process: it returns the exit code. progress may
// be nil.
func quickstart(ctx context.Context, args []string, stdout, stderr, progress io.Writer) int {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return 2
	}
	rows, err := compare(ctx, o, progress)
	if ctx.Err() != nil {
		fmt.Fprintln(stderr, "quickstart: interrupted")
		return 130
	}
	if err != nil {
		fmt.Fprintln(stderr, "quickstart:", err)
		return 1
	}
	if err := report(stdout, rows, o.conns); err != nil {
		fmt.Fprintln(stderr, "quickstart:", err)
		return 1
	}
	return failures(stderr, rows)
}

// failures says which requests failed and returns the exit code.
func failures(w io.Writer, rows []row) int {
	code := 0
	for _, r := range rows {
		if r.failed > 0 {
			fmt.Fprintf(w, "quickstart: %s of %d failed (%s through %s), the first with: %v\n",
				plural(r.failed, "request"), r.sent, r.server, r.transport, r.failure)
			code = 1
		}
	}
	return code
}
