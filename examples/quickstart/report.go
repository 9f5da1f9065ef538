package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A row is one line of the table: one server through one transport.
type row struct {
	server, transport string
	ours              bool // the server is one of ours and was asked what it saw
	outcome
	dialled, most int // connections in all, and at once
	waits         spread
	overtakings   int
}

// http2 reports whether the server was seen to speak HTTP/2.
func (r row) http2() bool { return r.protocol == "HTTP/2.0" }

// measure reads the stamps of a run that is over.
func (r *row) measure(l *ledger, conns *gauge) {
	entries := l.served()
	r.dialled, r.most = conns.read()
	r.waits = waits(entries)
	r.overtakings = overtakings(entries, grace)
}

// report writes the table, one row after the other in the order in which they
// ran, so that the two transports of one server stand together, and below it what there is to see in it.
func report(w io.Writer, rows []row, limit int) error {
	t := table{head: [][]string{
		{"", "", "", "", "connections", "most open", "wait", "wait", "wait", "over-", ""},
		{"server", "transport", "requests", "errors", "dialled", "at once", "p50", "p99", "max", "takings", "time"},
	}}
	for _, r := range rows {
		t.body = append(t.body, []string{
			r.server, r.transport, strconv.Itoa(r.sent), strconv.Itoa(r.failed),
			strconv.Itoa(r.dialled), strconv.Itoa(r.most),
			millis(r.waits.p50), millis(r.waits.p99), millis(r.waits.longest),
			strconv.Itoa(r.overtakings), fmt.Sprintf("%.2f s", r.took.Seconds()),
		})
	}
	if err := t.writeTo(w); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n"+strings.Join(reading(rows, limit), "\n")+"\n")
	return err
}

// millis is for waits. All of them have the one unit and the one precision, so
// that a column can be compared at a glance; finer would be noise.
func millis(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

// reading says in plain sentences what the rows show. Every word of it comes
// from the rows: a run that shows something else gets other sentences.
func reading(rows []row, limit int) []string {
	out := []string{aboutCap(rows, limit)}
	out = append(out, aboutHTTP2(rows)...)
	out = append(out, aboutOrder(rows))
	if slices.ContainsFunc(rows, func(r row) bool { return !r.ours }) {
		out = append(out, "View: a server of yours does not tell what it sees, so all of this was seen from the client.")
	}
	return out
}

// aboutCap compares the most connections that were open with the cap. It names
// whoever passed it, Berth too.
func aboutCap(rows []row, limit int) string {
	var over []string
	for _, r := range rows {
		if r.most > limit {
			over = append(over, fmt.Sprintf("%s had %d open to %s", r.transport, r.most, r.server))
		}
	}
	if len(over) == 0 {
		return fmt.Sprintf("Cap: never more than %s open to a server, through either transport.", plural(limit, "connection"))
	}
	return fmt.Sprintf("Cap: %s allowed, but %s.", plural(limit, "connection"), strings.Join(over, ", "))
}

// aboutHTTP2 says what each transport dialled where one connection would do. It
// says nothing if no server spoke HTTP/2: one of the user's need not.
func aboutHTTP2(rows []row) []string {
	var told []string
	for _, r := range rows {
		if r.http2() {
			told = append(told, fmt.Sprintf("%s dialled %d for %s", r.transport, r.dialled, plural(r.sent, "request")))
		}
	}
	if len(told) == 0 {
		return nil
	}
	return []string{"HTTP/2: one connection carries many requests at once; " + strings.Join(told, ", ") + "."}
}

// aboutOrder sums up the overtakings by transport, in the order of the rows. The
// number of requests stands beside each, because a few of many thousand and a few
// of ten are different news.
func aboutOrder(rows []row) string {
	var names []string
	overtook, sent := map[string]int{}, map[string]int{}
	for _, r := range rows {
		if !slices.Contains(names, r.transport) {
			names = append(names, r.transport)
		}
		overtook[r.transport] += r.overtakings
		sent[r.transport] += r.sent
	}
	var told []string
	busy := ""
	for _, name := range names {
		if overtook[name] > 0 {
			busy = " On a busy machine a request may only look overtaken: its goroutine is stopped before it reaches the queue."
		}
		told = append(told, fmt.Sprintf("%d of %d through %s", overtook[name], sent[name], name))
	}
	return fmt.Sprintf("Order: requests that overtook one which had already waited %v: %s.%s", grace, strings.Join(told, ", "), busy)
}

// plural counts a noun that takes an s.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
