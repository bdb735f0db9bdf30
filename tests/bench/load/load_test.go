package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dapr/components-contrib/pubsub"
)

// fake is an instance without a component.
type fake struct {
	pubsub.PubSub
	mu      sync.Mutex
	topics  map[string]int
	fails   error
	handler pubsub.Handler
}

func (f *fake) Publish(_ context.Context, r *pubsub.PublishRequest) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.topics[r.Topic]++
	return f.fails
}

func (f *fake) BulkPublish(_ context.Context, r *pubsub.BulkPublishRequest) (pubsub.BulkPublishResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.topics[r.Topic] += len(r.Entries)
	if f.fails == nil {
		return pubsub.BulkPublishResponse{}, nil
	}
	failed := pubsub.BulkPublishResponseFailedEntry{EntryId: r.Entries[0].EntryId, Error: f.fails}
	return pubsub.BulkPublishResponse{FailedEntries: []pubsub.BulkPublishResponseFailedEntry{failed}}, nil
}

func (f *fake) Subscribe(_ context.Context, _ pubsub.SubscribeRequest, handler pubsub.Handler) error {
	f.handler = handler
	return nil
}

func with(f *fake) *load {
	f.topics = map[string]int{}
	l := newLoad()
	l.instances["pubsub"] = f
	return l
}

func TestLoad_quantiles_are_those_of_the_sorted_durations(t *testing.T) {
	took := make([]time.Duration, 101)
	for i := range took {
		took[i] = time.Duration(100-i) * time.Millisecond
	}
	require.Equal(t, answer{"p50": 50.0, "p99": 99.0, "max": 100.0}, quantiles(took))
	require.Equal(t, answer{}, quantiles(nil))
}

func TestLoad_publishes_so_many_over_the_topics(t *testing.T) {
	f := &fake{}
	figures, err := with(f).do(context.Background(),
		request{Do: "publish", Instance: "pubsub", Messages: 100, Callers: 7, Size: 4, Over: 2})
	require.NoError(t, err)
	require.Equal(t, map[string]int{"bench/0": 50, "bench/1": 50}, f.topics)
	require.Positive(t, figures["rate"])
	require.Contains(t, figures, "p99")
}

func TestLoad_publishes_in_bulk(t *testing.T) {
	f := &fake{}
	_, err := with(f).do(context.Background(),
		request{Do: "publish", Instance: "pubsub", Messages: 100, Callers: 2, Size: 4, Bulk: 10})
	require.NoError(t, err)
	require.Equal(t, map[string]int{"bench/0": 100}, f.topics)
}

func TestLoad_tells_what_failed(t *testing.T) {
	for _, bulk := range []int{0, 10} {
		f := &fake{fails: errors.New("no broker")}
		_, err := with(f).do(context.Background(),
			request{Do: "publish", Instance: "pubsub", Messages: 100, Callers: 3, Bulk: bulk})
		require.ErrorContains(t, err, "no broker")
	}
	_, err := newLoad().do(context.Background(), request{Do: "publish", Instance: "other"})
	require.ErrorContains(t, err, `no instance "other"`)
	_, err = with(&fake{}).do(context.Background(), request{Do: "sing", Instance: "pubsub"})
	require.ErrorContains(t, err, `unknown request "sing"`)
}

func TestLoad_times_messages_from_when_they_were_due(t *testing.T) {
	f := &fake{}
	l := with(f)
	_, err := l.do(context.Background(),
		request{Do: "subscribe", Instance: "pubsub", Topics: []string{"bench/0"}, Timed: true})
	require.NoError(t, err)
	timed := make([]byte, timedSize)
	binary.LittleEndian.PutUint64(timed, uint64(time.Now().Add(-time.Hour).UnixNano()))
	for _, data := range [][]byte{[]byte("warm up"), timed} {
		require.NoError(t, f.handler(context.Background(), &pubsub.NewMessage{Data: data}))
	}
	count, at := l.received.soFar()
	require.EqualValues(t, 2, count)
	require.NotZero(t, at)
	figures, err := l.do(context.Background(), request{Do: "latencies"})
	require.NoError(t, err)
	require.GreaterOrEqual(t, figures["p50"], float64(time.Hour/time.Millisecond))
	require.Empty(t, l.received.takeLatencies())
}

func TestLoad_answers_a_line_with_a_line(t *testing.T) {
	var out bytes.Buffer
	in := strings.Join([]string{`{"do":"latencies"}`, `nonsense`, `{"do":"publish","instance":"x"}`}, "\n")
	require.NoError(t, serve(context.Background(), strings.NewReader(in), &out))
	var errs []string
	decoder := json.NewDecoder(&out)
	for {
		var got struct{ Error string }
		err := decoder.Decode(&got)
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		errs = append(errs, got.Error)
	}
	require.Len(t, errs, 3)
	require.Empty(t, errs[0])
	require.Contains(t, errs[1], "invalid character")
	require.Contains(t, errs[2], `no instance "x"`)
}

func TestLoad_reports_what_it_has_received(t *testing.T) {
	answers, out := io.Pipe()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	defer answers.Close()
	l := with(&fake{})
	go report(ctx, &l.received, &lines{encoder: json.NewEncoder(out)})
	l.received.add(time.Unix(0, 7))
	var got struct{ Received, At int64 }
	require.NoError(t, json.NewDecoder(answers).Decode(&got))
	require.EqualValues(t, 1, got.Received)
	require.EqualValues(t, 7, got.At)
}
