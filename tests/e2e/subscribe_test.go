package e2e

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

func TestSubscribe_by_program_delivers_each_topic_to_its_route(t *testing.T) {
	other := to("other")
	other.Route = "/other"
	s := start(t, nil, nil, to("orders"), other)
	for topic, route := range map[string]string{"orders": "/in", "other": "/other"} {
		s.daprd.PublishJSON(t, pubsub, topic, topic)
		received := s.app.Next(t)
		require.Equal(t, route, received.Path)
		require.Equal(t, topic, received.Event(t)["data"])
	}
}

func TestSubscribe_by_declaration_delivers(t *testing.T) {
	broker := harness.StartBroker(t, harness.BrokerOptions{})
	s := stack{broker: broker, component: harness.StartComponent(t), app: harness.StartApp(t, nil)}
	s.resources = harness.Resources(t, map[string]string{
		"pubsub.yaml":       plain(broker, nil),
		"subscription.yaml": harness.SubscriptionYAML("orders", pubsub, "orders", "/declared", "qos=2"),
	})
	s.daprd = s.sidecar(t, appID, s.app)

	s.daprd.PublishJSON(t, pubsub, "orders", 7)
	received := s.app.Next(t)
	require.Equal(t, "/declared", received.Path)
	require.EqualValues(t, 7, received.Event(t)["data"])
	require.Contains(t, broker.String(), "orders (QoS 2)", "the subscription's own qos")
}

func TestSubscribe_with_wildcards_tells_the_real_topic(t *testing.T) {
	s := start(t, nil, nil, to("sensors/+/temperature"), to("plant/#"))
	device := s.broker.Connect(t)
	for i, topic := range []string{"sensors/kitchen/temperature", "plant", "plant/hall/door"} {
		device.Publish(t, topic, cloudEvent(t, fmt.Sprint(i), topic))
		received := s.app.Next(t)
		require.Equal(t, topic, received.Event(t)["data"])
		require.Equal(t, topic, received.Header.Get("mqtt-topic"))
	}
}

func TestSubscribe_filters_that_overlap_each_get_the_message_once(t *testing.T) {
	narrow := to("a/b")
	narrow.Route = "/narrow"
	s := start(t, nil, nil, to("a/#"), narrow)
	for _, data := range []string{"first", "second"} {
		s.daprd.PublishJSON(t, pubsub, "a/b", data)
		routes := map[string]int{}
		for range 2 {
			received := s.app.Next(t)
			require.Equal(t, data, received.Event(t)["data"])
			routes[received.Path]++
		}
		require.Equal(t, map[string]int{"/in": 1, "/narrow": 1}, routes)
	}
}
