package harness

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// Subscription as an app answers it to daprd's GET /dapr/subscribe.
type Subscription struct {
	PubsubName    string            `json:"pubsubname"`
	Topic         string            `json:"topic"`
	Route         string            `json:"route"`
	Routes        *Routes           `json:"routes,omitempty"` // instead of Route
	Metadata      map[string]string `json:"metadata,omitempty"`
	DeadLetter    string            `json:"deadLetterTopic,omitempty"`
	BulkSubscribe *BulkSubscribe    `json:"bulkSubscribe,omitempty"`
}

// Routes by rules in CEL, the first that holds.
type Routes struct {
	Rules   []Rule `json:"rules"`
	Default string `json:"default"`
}

// Rule of a route.
type Rule struct {
	Match string `json:"match"`
	Path  string `json:"path"`
}

// BulkSubscribe asks daprd to gather messages.
type BulkSubscribe struct {
	Enabled            bool `json:"enabled"`
	MaxMessagesCount   int  `json:"maxMessagesCount"`
	MaxAwaitDurationMs int  `json:"maxAwaitDurationMs"`
}

// Received is one request that daprd made to the app.
type Received struct {
	Path   string
	Header http.Header
	Body   []byte
}

// Event is the body as a CloudEvent (or a bulk request).
func (r Received) Event(t testing.TB) map[string]any {
	t.Helper()
	var event map[string]any
	if err := json.Unmarshal(r.Body, &event); err != nil {
		t.Fatalf("not JSON: %.200q: %v", r.Body, err)
	}
	return event
}

// Answer decides on a request: the HTTP status and, if any, the body.
type Answer func(Received) (int, any)

// App is a small HTTP app that keeps what daprd sends it.
type App struct {
	Port          int
	Subscriptions []Subscription // made by program
	received      chan Received
	answer        Answer
	server        *http.Server
}

// StartApp serves with subscriptions made by program. A nil answer is 200.
func StartApp(t testing.TB, answer Answer, subscriptions ...Subscription) *App {
	t.Helper()
	if answer == nil {
		answer = func(Received) (int, any) { return http.StatusOK, nil }
	}
	if subscriptions == nil {
		subscriptions = []Subscription{}
	}
	a := &App{Subscriptions: subscriptions, received: make(chan Received, 10_000), answer: answer}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /dapr/subscribe", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, subscriptions)
	})
	mux.HandleFunc("GET /dapr/config", http.NotFound)
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /", a.take)
	a.server = &http.Server{Handler: mux}
	a.serve(t, "127.0.0.1:0")
	t.Cleanup(a.Stop)
	return a
}

func (a *App) serve(t testing.TB, address string) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	a.Port = listener.Addr().(*net.TCPAddr).Port
	server := a.server
	go func() { _ = server.Serve(listener) }() // ends with Stop
}

// Stop breaks all connections and listens no more, as a killed app does.
func (a *App) Stop() { _ = a.server.Close() }

// Restart serves again on the same port, after Stop.
func (a *App) Restart(t testing.TB) {
	t.Helper()
	a.server = &http.Server{Handler: a.server.Handler}
	a.serve(t, fmt.Sprintf("127.0.0.1:%d", a.Port))
}

func (a *App) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // daprd has hung up
	}
	received := Received{Path: r.URL.Path, Header: r.Header, Body: body}
	status, answer := a.answer(received)
	a.received <- received
	reply(w, status, answer)
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if body != nil {
		_ = json.NewEncoder(w).Encode(body) // the peer may be gone
	}
}

// Next waits for a request.
func (a *App) Next(t testing.TB) Received {
	t.Helper()
	select {
	case received := <-a.received:
		return received
	case <-time.After(Deadline):
		t.Fatalf("daprd sent the app nothing within %s", Deadline)
		return Received{}
	}
}

// Received is what Next waits for.
func (a *App) Received() <-chan Received { return a.received }

// Pending is the number of requests that Next would return at once.
func (a *App) Pending() int { return len(a.received) }
