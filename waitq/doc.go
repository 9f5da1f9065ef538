// Package waitq is a fair FIFO queue of waiters. It knows nothing of pools.
package waitq
