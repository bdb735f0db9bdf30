// Command load is daprd's part in scripts/bench: it calls a component by daprd's own client code
// (grpc-go over the Unix socket), and its app answers at once. mqtt_bench starts it and writes
// requests to its standard input, a JSON object a line; each is answered by a line on its standard
// output. In between come lines that say how many messages have been received (see report).
// It ends with its input.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// request is what mqtt_bench asks for; Do says what.
type request struct {
	Do       string            `json:"do"` // init, subscribe, publish, latencies
	Instance string            `json:"instance"`
	Metadata map[string]string `json:"metadata"` // init, subscribe

	Socket string   `json:"socket"` // init
	Topics []string `json:"topics"` // subscribe: a stream for each
	Hold   bool     `json:"hold"`   // subscribe: the app never answers
	Timed  bool     `json:"timed"`  // subscribe: messages of timedSize begin with the time at which they were due

	Messages int `json:"messages"` // publish
	Callers  int `json:"callers"`  // each sends its next when its last was answered
	Size     int `json:"size"`     // of the payload, in bytes
	Bulk     int `json:"bulk"`     // entries of a BulkPublish; 0: Publish
	Over     int `json:"over"`     // topics that the messages go to in turn
}

// answer has the figures, by the names that mqtt_bench and the report know.
type answer map[string]any

// load answers requests, one at a time.
type load struct {
	instances map[string]instance
	received  received
}

func newLoad() *load { return &load{instances: map[string]instance{}} }

func (l *load) do(ctx context.Context, r request) (answer, error) {
	if r.Do == "init" {
		made, err := initialise(ctx, r)
		if err != nil {
			return nil, err
		}
		l.instances[r.Instance] = made
		return answer{}, nil
	}
	if r.Do == "latencies" {
		return quantiles(l.received.takeLatencies()), nil
	}
	to, known := l.instances[r.Instance]
	if !known {
		return nil, fmt.Errorf("no instance %q", r.Instance)
	}
	switch r.Do {
	case "subscribe":
		return answer{}, subscribe(ctx, to, r, &l.received)
	case "publish":
		return publish(ctx, to, r)
	}
	return nil, fmt.Errorf("unknown request %q", r.Do)
}

// lines writes one JSON object a line, from any goroutine.
type lines struct {
	mu      sync.Mutex
	encoder *json.Encoder
}

func (l *lines) write(value answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.encoder.Encode(value)
}

// report writes how many messages have been received, and when the last one was (nanoseconds since
// 1970), whenever that has changed: often enough for the publisher to go by it, and so seldom that
// it costs nothing beside the messages.
func report(ctx context.Context, r *received, to *lines) {
	const interval = 2 * time.Millisecond
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for said := int64(0); ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if count, at := r.soFar(); count != said {
			said = count
			to.write(answer{"received": count, "at": at})
		}
	}
}

func serve(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	to := &lines{encoder: json.NewEncoder(out)}
	l := newLoad()
	go report(ctx, &l.received, to)
	requests := bufio.NewScanner(in)
	const longest = 1 << 20
	requests.Buffer(nil, longest)
	for requests.Scan() {
		var r request
		if err := json.Unmarshal(requests.Bytes(), &r); err != nil {
			to.write(answer{"error": err.Error()})
			continue
		}
		figures, err := l.do(ctx, r)
		if err != nil {
			figures = answer{"error": err.Error()}
		}
		to.write(figures)
	}
	return requests.Err()
}

func main() {
	out := os.Stdout
	os.Stdout = os.Stderr // Dapr's logger writes there
	if err := serve(context.Background(), os.Stdin, out); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}
