package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"strings"

	"go.uber.org/atomic"
)

// A target is a server and how to reach it. own is nil for a user's server.
type target struct {
	name string // what it is called while the load runs
	url  string
	tls  *tls.Config
	own  *server
}

// compare sends the load to every target through every transport, one after the
// other: two loads at once would measure each other.
func compare(ctx context.Context, o options, progress io.Writer) ([]row, error) {
	targets, stop, err := pick(o)
	if err != nil {
		return nil, err
	}
	defer stop()
	var rows []row
	for _, tg := range targets {
		for _, tr := range transports() {
			r, err := measured(ctx, o, tg, tr, progress)
			if err != nil {
				return nil, err
			}
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			rows = append(rows, r)
		}
	}
	return rows, nil
}

// pick returns the user's servers, or starts two of ours. The caller must call
// stop.
func pick(o options) (targets []target, stop func(), err error) {
	for _, u := range o.urls {
		// Only where the user asked for it, and never for servers of ours.
		targets = append(targets, target{name: u, url: u, tls: &tls.Config{InsecureSkipVerify: o.insecure}})
	}
	stop = func() {
		for _, tg := range targets {
			if tg.own != nil {
				tg.own.stop()
			}
		}
	}
	if len(targets) > 0 {
		return targets, stop, nil
	}
	for _, secure := range []bool{false, true} {
		s, err := start(secure)
		if err != nil {
			stop()
			return nil, nil, fmt.Errorf("starting a server on loopback: %w", err)
		}
		targets = append(targets, target{name: s.name, url: s.url, tls: s.tls, own: s})
	}
	return targets, stop, nil
}

// measured sends the load to tg through tr and returns the row of the table.
func measured(ctx context.Context, o options, tg target, tr transport, progress io.Writer) (row, error) {
	if tg.own != nil {
		// A rehearsal, on a pool of its own, whose row is thrown away. What a
		// process pays only once, such as reading its own code from the disk, would
		// else be paid by the first requests of the run: a goroutine stopped by it
		// between its stamp and the queue looks overtaken by all that come after.
		// Both transports get the rehearsal. A user's server does not, as it would
		// see requests that are not in the table.
		few := o
		few.requests = min(o.requests, 2*o.goroutines)
		if _, err := once(ctx, few, tg, tr, nil); err != nil {
			return row{}, err
		}
	}
	return once(ctx, o, tg, tr, progress)
}

// once sends the load a single time, on a new pool.
func once(ctx context.Context, o options, tg target, tr transport, progress io.Writer) (row, error) {
	r := &run{ledger: newLedger(o.requests)}
	var watched *run // by the client; nil if the server does it
	if tg.own != nil {
		tg.own.run.Store(r)
	} else {
		watched = r
	}
	rt, end, err := tr.open(wire(o.conns, tg.tls.Clone(), watched), o.conns)
	if err != nil {
		return row{}, fmt.Errorf("making the %s transport: %w", tr.name, err)
	}
	var done atomic.Int32
	hide := show(progress, tg.name+" through "+tr.name, &done, o.requests)
	l := load{url: tg.url, requests: o.requests, goroutines: o.goroutines, ledger: r.ledger, ours: tg.own != nil}
	out := l.send(ctx, rt, &done)
	hide()
	if err := end(); err != nil && ctx.Err() == nil {
		return row{}, fmt.Errorf("closing the %s transport: %w", tr.name, err)
	}
	result := row{server: label(tg, out.protocol), transport: tr.name, ours: l.ours, outcome: out}
	result.measure(r.ledger, &r.conns)
	return result, nil
}

// label names a server by the protocol it was seen to speak, and a user's also
// by its URL.
func label(tg target, protocol string) string {
	protocol = strings.TrimSuffix(protocol, ".0") // HTTP/2.0 is called HTTP/2
	switch {
	case protocol == "": // there was no answer
		return tg.url
	case tg.own != nil:
		return protocol
	default:
		return tg.url + " (" + protocol + ")"
	}
}
