package subject

import (
	"context"
	"sync"
)

// poolMap is what one writes by hand for many keys: a pool for each, made when
// the key is first used. It has no cap in total and never forgets a key.
type poolMap struct {
	pools sync.Map // of uint64 to Pool
	open  func() (Pool, error)
}

func (m *poolMap) UseKey(ctx context.Context, key uint64, hold func(*Resource)) error {
	v, ok := m.pools.Load(key)
	if !ok {
		p, err := m.open()
		if err != nil {
			return err
		}
		var lost bool
		if v, lost = m.pools.LoadOrStore(key, p); lost {
			p.Close()
		}
	}
	return v.(Pool).Use(ctx, hold)
}

func (m *poolMap) Close() {
	m.pools.Range(func(_, v any) bool {
		v.(Pool).Close()
		return true
	})
}

func openMapOfChannels(c Config) (Keyed, error) {
	return &poolMap{open: func() (Pool, error) { return openChannel(c) }}, nil
}

func openMapOfPuddles(c Config) (Keyed, error) {
	return &poolMap{open: func() (Pool, error) { return openPuddle(c) }}, nil
}
