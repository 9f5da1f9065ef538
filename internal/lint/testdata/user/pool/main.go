// Command pool uses package pool, and imports nothing else that the pool is made of.
package main

import (
	"context"

	"github.com/berth-go/berth/pool"
)

func main() {
	p, err := pool.New(pool.Config[string]{
		Dial:    func(context.Context) (string, error) { return "", nil },
		MaxOpen: 1,
	})
	if err != nil {
		panic(err)
	}
	l, err := p.Acquire(context.Background())
	if err != nil {
		panic(err)
	}
	l.Release()
}
