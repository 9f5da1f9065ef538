// Package compat tries adapters/httpconn with programs that were written for
// http.Transport. It holds nothing but tests, in a module of its own because they
// bring dependencies that users of the library must not get.
package compat
