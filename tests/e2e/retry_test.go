package e2e

import (
	"encoding/json"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

// failing answers 500 as many times, then 200.
func failing(times int64) harness.Answer {
	var seen atomic.Int64
	return func(harness.Received) (int, any) {
		if seen.Add(1) <= times {
			return http.StatusInternalServerError, nil
		}
		return http.StatusOK, nil
	}
}

func TestRetry_delivers_again_until_the_app_succeeds(t *testing.T) {
	s := start(t, map[string]string{"backOffMaxRetries": "3", "backOffInterval": "200ms"}, failing(2), to("orders"))
	s.daprd.PublishJSON(t, pubsub, "orders", "once")
	for _, attempt := range []string{"1", "2", "3"} {
		received := s.app.Next(t)
		require.Equal(t, "once", received.Event(t)["data"])
		require.Equal(t, attempt, received.Header.Get("mqtt-attempt"))
	}
	requireRoundTrip(t, s.daprd, "orders", s.app) // and not the first one again
}

func TestRetry_spent_drops_the_message_and_goes_on(t *testing.T) {
	s := start(t, map[string]string{"backOffMaxRetries": "1", "backOffInterval": "200ms"}, failing(2), to("orders"))
	mark := s.component.Mark()
	s.daprd.PublishJSON(t, pubsub, "orders", "bad")
	for range 2 {
		requireEvent(t, s.app, "bad")
	}
	s.component.WaitFor(t, "gave up", mark)
	requireRoundTrip(t, s.daprd, "orders", s.app)
}

func TestDeadLetter_of_a_subscription_gets_what_the_app_refused(t *testing.T) {
	subscription := to("orders")
	subscription.DeadLetter = "refused"
	s := start(t, nil, failing(1), subscription)
	device := s.broker.Connect(t)
	device.Subscribe(t, "refused")

	// daprd hands the metadata of the message back to the publish.
	s.daprd.PublishJSON(t, pubsub, "orders", "bad", "metadata.retain=true")
	letter := device.Next(t)
	require.Equal(t, "refused", letter.Topic())
	var event map[string]any
	require.NoError(t, json.Unmarshal(letter.Payload(), &event))
	require.Equal(t, "bad", event["data"])

	late := s.broker.Connect(t)
	late.Subscribe(t, "#")
	require.Equal(t, "orders", late.Next(t).Topic(), "the dead letter was retained as well")
}
