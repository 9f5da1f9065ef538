// Package berth is the overview of a module; it holds no code. Berth is a pool of
// resources by key, with waiters served in the order in which they came, resources
// for one user or for many at once, and caps per key and over all keys. On top of
// it stands a connection pool for HTTP/1.1 and HTTP/2.
//
// # Which package for what
//
//   - A [net/http.Client] whose connections are to be few and fairly shared:
//     [github.com/berth-go/berth/adapters/httpconn]. It is a
//     [net/http.RoundTripper]; nothing else in the program changes.
//   - Resources of one kind, such as the connections to one server:
//     [github.com/berth-go/berth/pool].
//   - The same for many servers, tenants or files, with a cap for each and one
//     over all: [github.com/berth-go/berth/keyed].
//   - Pools of different kinds under one cap, such as that on open files: a Budget
//     of package pool, given to each of them.
//   - HTTP/2 connections as resources in a pool of your own:
//     [github.com/berth-go/berth/adapters/h2].
//   - Only the queue, to build something else that is fair:
//     [github.com/berth-go/berth/waitq].
//
// # What all of them promise
//
// Order: who waits longest is served next, and nobody who comes later overtakes.
// A resource goes from hand to hand, from the one who releases it to the one who
// waits, and is never left lying for whoever happens to run first.
//
// Caps: the number of open resources does not exceed its cap, not even for a moment.
// A slot that is being dialled or closed counts. After a cap was lowered the number
// only falls; a Close func that is given up (CloseTimeout) is the one exception.
//
// Cancellation: the end of a context ends a wait at once, and costs nobody else
// anything. A resource that was on its way to a caller who has left goes to the
// next one.
//
// Sharing: a resource that several can use at once, such as an HTTP/2 connection,
// stays in the pool while it is used. Where the pool is told how many callers one
// serves (Config.Shared), a burst of them dials once.
//
// The file docs/invariants.md has these promises in their exact form, with the code
// that keeps each and the test that breaks without it. Beside it, docs/design.md
// says why things are as they are.
//
// # When not to use it
//
// For scratch memory use [sync.Pool], which has no cap, no order, and no duty to
// close what it drops. A program that sends a few requests is well served by
// [net/http.DefaultClient], and [database/sql] has a pool built in.
//
// # A first look
//
// From the module's root folder,
//
//	go run ./examples/quickstart
//
// sends the same load through Berth and through a plain [net/http.Transport] to
// servers on your machine, and shows what the servers saw.
package berth
