package subject

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
)

// A keyedFloor is the smallest thing that can be kept for a key which has one
// idle resource and a cap: an entry in a map, a mutex, a queue, and a slot with
// its lease number, its time and its links. It has no cap in total, and never
// forgets a key.
type keyedFloor struct {
	dial   dialFunc
	size   int32
	clock  coarse
	shards [64]keyShard
}

type keyShard struct {
	mu   sync.Mutex
	keys map[uint64]*floorKey
	_    [112]byte // callers of different shards do not meet
}

// floorKey has its first slot in itself: most keys never need a second.
type floorKey struct {
	queueFloor
	slot floorSlot
}

func (p *keyedFloor) UseKey(ctx context.Context, key uint64, hold func(*Resource)) error {
	k := p.find(key)
	l, err := k.acquire(ctx, p.dial)
	if err != nil {
		return err
	}
	if hold != nil {
		hold(l.slot.r)
	}
	k.release(l, p.clock.now.Load())
	return nil
}

func (p *keyedFloor) find(key uint64) *floorKey {
	shard := &p.shards[uint32(key)*golden>>26]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	k := shard.keys[key]
	if k == nil {
		k = &floorKey{}
		k.size, k.made = p.size, 1
		k.put(&k.slot)
		shard.keys[key] = k
	}
	return k
}

func (p *keyedFloor) Close() { p.clock.stop() }

func openKeyedFloor(c Config) (Keyed, error) {
	p := &keyedFloor{dial: c.dial(), size: int32(c.Size)}
	for i := range p.shards {
		p.shards[i].keys = map[uint64]*floorKey{}
	}
	p.clock.start()
	return p, nil
}

// A hotFloor is a laneFloor found by its key: a load and a look into a map that
// is never changed but replaced.
type hotFloor struct {
	cfg  Config
	mu   sync.Mutex // of those who replace the map
	keys atomic.Pointer[map[uint64]*laneFloor]
}

func (p *hotFloor) Use(ctx context.Context, hold func(*Resource)) error {
	const key = 42 // as hotKey
	lane := (*p.keys.Load())[key]
	if lane == nil {
		lane = p.add(key)
	}
	return lane.Use(ctx, hold)
}

func (p *hotFloor) add(key uint64) *laneFloor {
	p.mu.Lock()
	defer p.mu.Unlock()
	if lane := (*p.keys.Load())[key]; lane != nil {
		return lane
	}
	keys := maps.Clone(*p.keys.Load())
	keys[key] = newLaneFloor(p.cfg)
	p.keys.Store(&keys)
	return keys[key]
}

func (p *hotFloor) Close() {
	for _, lane := range *p.keys.Load() {
		lane.Close()
	}
}

func openHotFloor(c Config) (Pool, error) {
	p := &hotFloor{cfg: c}
	p.keys.Store(&map[uint64]*laneFloor{})
	return p, nil
}
