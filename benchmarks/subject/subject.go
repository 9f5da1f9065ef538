// Package subject puts Berth's pools and those of others behind one small
// interface, so that each workload is written once and every subject runs the
// same one.
//
// To add a peer, write a file with its Pool and add a row to the table in
// subjects.go; every benchmark, the smoke test and the report then have it.
package subject

import (
	"context"
	"sync/atomic"
)

// A Resource is what every pool here lends. ID tells them apart.
type Resource struct{ ID int64 }

// A Pool lends resources.
//
// Acquire and release are one call, since the lease is a type of its own in each
// pool: an interface value for it would allocate, and the harness must not. What
// the call through the interface costs is measured as the subject "harness".
type Pool interface {
	// Use acquires a resource, calls hold with it unless hold is nil, and releases
	// it. The error is that of acquiring.
	Use(ctx context.Context, hold func(*Resource)) error

	// Close lets go of everything. No Use is in flight.
	Close()
}

// A Keyed is a pool of many keys.
type Keyed interface {
	// UseKey is Pool.Use for a resource of a key.
	UseKey(ctx context.Context, key uint64, hold func(*Resource)) error

	Close()
}

// Config says what pool a workload needs.
type Config struct {
	Size int // most resources at once, per key if there are keys

	// Dial makes a resource. nil: one that takes no time and cannot fail.
	Dial func(ctx context.Context) (*Resource, error)
}

// dial returns c.Dial or its default.
func (c Config) dial() func(context.Context) (*Resource, error) {
	if c.Dial != nil {
		return c.Dial
	}
	return new(Dialer).Dial
}

// A Dialer makes numbered resources and counts the attempts.
type Dialer struct {
	// Before runs at the start of each dial; an error fails it. nil: nothing.
	Before func(ctx context.Context) error

	attempts, made atomic.Int64
}

// Dial is a Config.Dial.
func (d *Dialer) Dial(ctx context.Context) (*Resource, error) {
	d.attempts.Add(1)
	if d.Before != nil {
		if err := d.Before(ctx); err != nil {
			return nil, err
		}
	}
	return &Resource{ID: d.made.Add(1)}, nil
}

// Attempts returns how many dials were started.
func (d *Dialer) Attempts() int64 { return d.attempts.Load() }

// A Subject is one pool that is measured.
type Subject struct {
	Name string // in the names of the benchmarks: no slash, no space
	Note string // how it is set up, for the report
	Open func(Config) (Pool, error)

	Uncapped bool // keeps to no number of resources, so it knows no waiters
	Shared   bool // its one resource carries many leases at once
	Variant  bool // a Berth pool with other settings, for some workloads only
}

// A KeyedSubject is one pool of many keys that is measured.
type KeyedSubject struct {
	Name string
	Note string
	Open func(Config) (Keyed, error)
}
