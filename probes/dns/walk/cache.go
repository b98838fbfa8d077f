package walk

import (
	"context"
	"sync"
	"time"
)

// cache keeps values by TTL, at least minTTL and at most maxTTL. Full, it drops
// what has expired and then whatever the map gives first.
type cache struct {
	mu   sync.Mutex
	kept map[string]kept
}

type kept struct {
	value any
	until time.Time
}

func load[T any](c *cache, key string) (T, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.kept[key]
	if !ok || !time.Now().Before(k.until) {
		var none T
		return none, false
	}
	v, ok := k.value.(T)
	return v, ok
}

func (c *cache) store(key string, v any, ttl uint32) {
	now := time.Now()
	life := min(max(time.Duration(ttl)*time.Second, minTTL), maxTTL)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil {
		c.kept = make(map[string]kept)
	}
	if len(c.kept) >= MaxCache {
		for k, v := range c.kept {
			if !now.Before(v.until) {
				delete(c.kept, k)
			}
		}
		for k := range c.kept {
			if len(c.kept) < MaxCache*9/10 {
				break
			}
			delete(c.kept, k)
		}
	}
	c.kept[key] = kept{v, now.Add(life)}
}

func (c *cache) drop(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.kept, key)
}

// flights lets callers that want the same thing at the same time share one
// asking. Only steps down the tree share, and none inside another: two that
// wait for each other's inner step would wait for ever.
type flights struct {
	mu  sync.Mutex
	air map[string]*flight
}

type flight struct {
	done  chan struct{}
	value any
	err   error
}

func share[T any](ctx context.Context, f *flights, key string, b *budget, ask func() (T, error)) (T, error) {
	if b.flying {
		return ask()
	}
	b.flying = true
	defer func() { b.flying = false }()
	f.mu.Lock()
	if f.air == nil {
		f.air = make(map[string]*flight)
	}
	if other, ok := f.air[key]; ok {
		f.mu.Unlock()
		select {
		case <-other.done:
		case <-ctx.Done():
			var none T
			return none, context.Cause(ctx)
		}
		if v, ok := other.value.(T); ok && other.err == nil {
			return v, nil
		}
		return ask() // theirs failed, perhaps by their own deadline
	}
	mine := &flight{done: make(chan struct{})}
	f.air[key] = mine
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		delete(f.air, key)
		f.mu.Unlock()
		close(mine.done)
	}()
	v, err := ask()
	mine.value, mine.err = v, err
	return v, err
}
