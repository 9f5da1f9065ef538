// Package pool is a pool of resources with one key.
package pool
