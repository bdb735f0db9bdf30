package harness

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// Subscription as an app answers it to daprd's GET /dapr/subscribe.
type Subscription struct {
	PubsubName    string            `json:"pubsubname"`
	Topic         string            `json:"topic"`
	Route         string            `json:"route"`
	Metadata      map[string]string `json:"metadata,omitempty"`
	DeadLetter    string            `json:"deadLetterTopic,omitempty"`
	BulkSubscribe *BulkSubscribe    `json:"bulkSubscribe,omitempty"`
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
	mux.HandleFunc("POST /", a.take)
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	a.Port = server.Listener.Addr().(*net.TCPAddr).Port
	return a
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

// Pending is the number of requests that Next would return at once.
func (a *App) Pending() int { return len(a.received) }
