// Command keyed uses package keyed, and imports nothing else that the pool is made of.
package main

import (
	"context"

	"github.com/berth-go/berth/keyed"
)

func main() {
	p, err := keyed.New(keyed.Config[int, string]{
		Dial:          func(context.Context, int) (string, error) { return "", nil },
		MaxOpenPerKey: 1,
	})
	if err != nil {
		panic(err)
	}
	l, err := p.Acquire(context.Background(), 1)
	if err != nil {
		panic(err)
	}
	l.Release()
}
