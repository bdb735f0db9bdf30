package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dapr/components-contrib/metadata"
	"github.com/dapr/components-contrib/pubsub"
	daprd "github.com/dapr/dapr/pkg/components/pubsub"
	"github.com/dapr/kit/logger"
)

// instance is a component as daprd has it: with a connection of its own.
type instance interface {
	pubsub.PubSub
	pubsub.BulkPublisher
}

// initialise waits until the component listens: daprd, too, begins when the socket is there.
func initialise(ctx context.Context, r request) (instance, error) {
	const patience = 20 * time.Second
	const pause = 10 * time.Millisecond
	for deadline := time.Now().Add(patience); ; time.Sleep(pause) {
		connection, err := net.Dial("unix", r.Socket)
		if err == nil {
			connection.Close()
			break
		}
		if time.Now().After(deadline) {
			return nil, err
		}
	}
	made := daprd.NewGRPCPubSub(logger.NewLogger("load"), r.Socket)
	return made, made.Init(ctx, pubsub.Metadata{Base: metadata.Base{Name: r.Instance, Properties: r.Metadata}})
}

// publish is a closed loop: "rate" in messages a second, and how long the calls took.
func publish(ctx context.Context, to instance, r request) (answer, error) {
	entries := max(r.Bulk, 1)
	calls := r.Messages / entries
	call := publishing(to, r)
	var (
		callers sync.WaitGroup
		begun   atomic.Int64
		mu      sync.Mutex
		failed  error
	)
	took := make([]time.Duration, calls)
	begin := time.Now()
	for range r.Callers {
		callers.Go(func() {
			for {
				number := int(begun.Add(1)) - 1
				if number >= calls {
					return
				}
				start := time.Now()
				err := call(ctx, number)
				took[number] = time.Since(start)
				if err != nil {
					mu.Lock()
					failed = err
					mu.Unlock()
					begun.Store(int64(calls))
				}
			}
		})
	}
	callers.Wait()
	whole := time.Since(begin)
	if failed != nil {
		return nil, fmt.Errorf("publish: %w", failed)
	}
	out := quantiles(took)
	out["rate"] = float64(calls*entries) / whole.Seconds()
	return out, nil
}

// publishing gives the call that is made again and again, with its number.
func publishing(to instance, r request) func(context.Context, int) error {
	payload := bytes.Repeat([]byte{'x'}, r.Size)
	over := max(r.Over, 1)
	topics := make([]string, over)
	for i := range topics {
		topics[i] = "bench/" + strconv.Itoa(i)
	}
	if r.Bulk == 0 {
		return func(ctx context.Context, number int) error {
			return to.Publish(ctx, &pubsub.PublishRequest{
				Data: payload, Topic: topics[number%over], PubsubName: r.Instance,
			})
		}
	}
	entries := make([]pubsub.BulkMessageEntry, r.Bulk)
	for i := range entries {
		entries[i] = pubsub.BulkMessageEntry{EntryId: strconv.Itoa(i), Event: payload}
	}
	return func(ctx context.Context, number int) error {
		answer, err := to.BulkPublish(ctx, &pubsub.BulkPublishRequest{
			Entries: entries, Topic: topics[number%over], PubsubName: r.Instance,
		})
		if err == nil && len(answer.FailedEntries) > 0 {
			err = errors.Join(errors.New("an entry failed"), answer.FailedEntries[0].Error)
		}
		return err
	}
}
