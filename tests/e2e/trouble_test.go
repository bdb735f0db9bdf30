package e2e

import (
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
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

func TestComponent_on_SIGTERM_exits_with_0_and_removes_its_socket(t *testing.T) {
	s := start(t, nil, nil, to("orders"))
	requireRoundTrip(t, s.daprd, "orders", s.app)
	require.Zero(t, s.component.Terminate(t))
	_, err := os.Stat(s.component.Socket)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestComponent_restarted_under_a_living_daprd_says_to_restart_daprd(t *testing.T) {
	s := start(t, nil, nil, to("orders"))
	s.component.Terminate(t)
	s.component.Start(t)
	status, answer := s.daprd.Post(t, "publish/"+pubsub+"/orders", "text/plain", []byte("x"))
	require.Equal(t, http.StatusInternalServerError, status)
	requireAll(t, answer, "restart", "daprd")
}
