package e2e

import (
	"net/http"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

func TestBroker_restarted_heals_streams_and_publishing(t *testing.T) {
	s := start(t, nil, nil, to("orders"), to("a/#"), to("a/b"))
	requireRoundTrip(t, s.daprd, "orders", s.app)

	s.broker.Terminate(t)
	require.True(t, s.broker.Start(t))
	for _, subscription := range s.app.Subscriptions {
		s.broker.WaitSubscribed(t, subscription.Topic, 0)
	}
	requireRoundTrip(t, s.daprd, "orders", s.app)
	s.daprd.PublishJSON(t, pubsub, "a/b", "twice")
	requireEvent(t, s.app, "twice")
	requireEvent(t, s.app, "twice")
}

func TestComponent_on_SIGTERM_takes_publishes_while_the_app_is_at_work(t *testing.T) {
	at, done := make(chan bool), make(chan bool)
	s := start(t, nil, func(harness.Received) (int, any) {
		at <- true
		<-done
		return http.StatusOK, nil
	}, to("orders"))
	listener := s.broker.Connect(t)
	listener.Subscribe(t, "readings")
	s.broker.Connect(t).Publish(t, "orders", cloudEvent(t, "1", "slow"))
	<-at
	s.component.Signal(t, syscall.SIGTERM)
	s.component.WaitFor(t, "SIGTERM: stopping", 0)
	s.daprd.Publish(t, pubsub, "readings", "text/plain", []byte("x"))
	listener.Next(t)
	close(done)
	require.Zero(t, s.component.WaitExit(t))
}

func TestComponent_on_SIGTERM_exits_with_0_and_removes_its_socket(t *testing.T) {
	s := start(t, nil, nil, to("orders"))
	requireRoundTrip(t, s.daprd, "orders", s.app)
	require.Zero(t, s.component.Terminate(t))
	_, err := os.Stat(s.component.Socket)
	require.ErrorIs(t, err, os.ErrNotExist)
}
