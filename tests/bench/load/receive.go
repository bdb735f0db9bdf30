package main

import (
	"context"
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dapr/components-contrib/pubsub"
)

// timedSize is the size of the messages whose way is timed; others are there for warming up.
const timedSize = 256

// received counts what all streams have brought.
type received struct {
	count atomic.Int64
	last  atomic.Int64 // when the last one came, nanoseconds since 1970

	mu   sync.Mutex
	took []time.Duration
}

// soFar may be a message behind in one of the two.
func (r *received) soFar() (count, at int64) { return r.count.Load(), r.last.Load() }

func (r *received) add(now time.Time) {
	r.last.Store(now.UnixNano())
	r.count.Add(1)
}

func (r *received) addLatency(data []byte, now time.Time) {
	if len(data) != timedSize {
		return
	}
	due := int64(binary.LittleEndian.Uint64(data))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.took = append(r.took, time.Duration(now.UnixNano()-due))
}

func (r *received) takeLatencies() []time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	took := r.took
	r.took = nil
	return took
}

// subscribe opens a stream for each topic. Its app answers at once, so that daprd's code acknowledges
// one message after the other.
func subscribe(ctx context.Context, to instance, r request, count *received) error {
	handler := func(ctx context.Context, message *pubsub.NewMessage) error {
		now := time.Now()
		if r.Timed {
			count.addLatency(message.Data, now)
		}
		count.add(now)
		if r.Hold {
			<-ctx.Done()
		}
		return nil
	}
	for _, topic := range r.Topics {
		wanted := pubsub.SubscribeRequest{Topic: topic, Metadata: r.Metadata}
		if err := to.Subscribe(ctx, wanted, handler); err != nil {
			return err
		}
	}
	return nil
}
