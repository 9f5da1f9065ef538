// Package memory remembers how many requests a connection to a host can carry at once.
//
// # What it is
//
// A [Memory] tells a pool what to expect of a connection that is not yet dialled, or of
// which the server has not yet said anything: what the last one to the same host could do.
//
// # When not to use it
//
// It is internal: it exists for the packages beside it.
package memory
