// Package keyed is a pool of resources with many keys.
package keyed
