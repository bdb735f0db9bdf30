package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

// five is metadata with MQTT 5 on top of more.
func five(more map[string]string) map[string]string {
	all := map[string]string{"protocolVersion": "5"}
	for key, value := range more {
		all[key] = value
	}
	return all
}

func TestMqtt5_properties_of_a_device_reach_the_app_as_harmless_headers(t *testing.T) {
	s := start(t, five(nil), nil, to("orders"))
	s.broker.Publish5(t, "orders", string(cloudEvent(t, "1", "hello")),
		[]string{"user-property", "colour", "käse"},
		[]string{"user-property", "two words", "x"},
		[]string{"user-property", "dapr-api-token", "stolen"},
		[]string{"user-property", "", "nameless"},
		[]string{"correlation-data", "abc"},
		[]string{"response-topic", "answers/1"},
		[]string{"message-expiry-interval", "1000"})
	received := s.app.Next(t)
	require.Equal(t, "hello", received.Event(t)["data"])
	require.Equal(t, "k%C3%A4se", received.Header.Get("mqtt-property-colour"))
	require.Equal(t, "x", received.Header.Get("mqtt-property-two_words"))
	require.Equal(t, "YWJj", received.Header.Get("mqtt-correlation-data"))
	require.Equal(t, "answers/1", received.Header.Get("mqtt-response-topic"))
	require.NotEmpty(t, received.Header.Get("mqtt-expiry-seconds"))
	require.Empty(t, received.Header.Get("dapr-api-token"))
	require.Equal(t, "stolen", received.Header.Get("mqtt-property-dapr-api-token"))

	var many [][]string
	for i := range 10_000 {
		many = append(many, []string{"user-property", fmt.Sprintf("n%d", i), "v"})
	}
	s.broker.Publish5(t, "orders", string(cloudEvent(t, "2", "many")), many...)
	received = s.app.Next(t)
	require.Equal(t, "many", received.Event(t)["data"])
	require.Equal(t, "9968", received.Header.Get("mqtt-omitted"))
}

func TestMqtt5_publish_metadata_reaches_a_device_as_properties(t *testing.T) {
	s := start(t, five(nil), nil)
	device := s.broker.Listen5(t, "out", "<%C|%E|%P|%p>")
	s.daprd.Publish(t, pubsub, "out", "text/plain", []byte("raw"), "metadata.rawPayload=true",
		"metadata.mqtt-content-type=text/plain", "metadata.ttlInSeconds=1000",
		"metadata.mqtt-property-colour=red")
	device.WaitFor(t, "<text/plain|1000|colour:red", 0)
	require.Contains(t, s.daprd.Capabilities(t, pubsub), "MESSAGE_TTL")
}

func TestMqtt5_message_that_expires_while_it_waits_never_reaches_the_app(t *testing.T) {
	refuse := func(r harness.Received) (int, any) {
		if strings.Contains(string(r.Body), "short") {
			return http.StatusInternalServerError, nil
		}
		return http.StatusOK, nil
	}
	s := start(t, five(map[string]string{
		"concurrencyMode": "single", "backOffMaxRetries": "-1", "backOffInterval": "100ms",
	}), refuse, to("orders"))
	s.daprd.PublishJSON(t, pubsub, "orders", "short", "metadata.ttlInSeconds=3")
	s.daprd.PublishJSON(t, pubsub, "orders", "waits", "metadata.ttlInSeconds=1")
	s.daprd.PublishJSON(t, pubsub, "orders", "next")
	for {
		data := s.app.Next(t).Event(t)["data"]
		if data == "next" {
			return
		}
		require.Equal(t, "short", data, "expired, or out of order")
	}
}

func TestSingle_concurrency_keeps_the_order_through_failures(t *testing.T) {
	attempts := map[string]int{} // the app is called one message at a time
	flaky := func(r harness.Received) (int, any) {
		body := string(r.Body)
		id := body[strings.Index(body, "number-"):][:9]
		if attempts[id]++; attempts[id] < 3 {
			return http.StatusInternalServerError, nil
		}
		return http.StatusOK, nil
	}
	s := start(t, map[string]string{
		"concurrencyMode": "single", "backOffMaxRetries": "-1", "backOffInterval": "10ms",
	}, flaky, to("orders"))
	for i := range 10 {
		s.daprd.PublishJSON(t, pubsub, "orders", fmt.Sprintf("number-%02d", i))
	}
	for i := range 10 {
		for range 3 {
			requireEvent(t, s.app, fmt.Sprintf("number-%02d", i))
		}
	}
}

func TestConsumerGroup_gives_each_message_to_one_replica(t *testing.T) {
	s := stack{broker: harness.StartBroker(t, harness.BrokerOptions{}), component: harness.StartComponent(t)}
	s.resources = harness.Resources(t, map[string]string{"pubsub.yaml": plain(s.broker, map[string]string{
		"consumerID": "{uuid}", "consumerGroup": "workers",
	})})
	var apps []*harness.App
	for range 3 {
		s.app = harness.StartApp(t, nil, to("orders"))
		mark := s.broker.Mark()
		s.daprd = harness.StartDaprd(t, harness.DaprdOptions{
			AppID: appID, App: s.app, Component: s.component, Resources: s.resources,
		})
		s.broker.WaitSubscribed(t, "$share/workers/orders", mark)
		apps = append(apps, s.app)
	}
	const messages = 300
	for i := range messages {
		s.daprd.PublishJSON(t, pubsub, "orders", i)
	}
	seen := map[any]int{}
	harness.Until(t, "every message has come once", func() bool {
		for _, app := range apps {
			for app.Pending() > 0 {
				seen[app.Next(t).Event(t)["data"]]++
			}
		}
		return len(seen) == messages
	})
	for data, times := range seen {
		require.Equal(t, 1, times, "message %v", data)
	}
	require.Zero(t, s.broker.TakeOvers())
}

func TestDeadLetterTopic_of_the_Component_gets_what_the_app_failed(t *testing.T) {
	s := start(t, five(map[string]string{"deadLetterTopic": "dead", "backOffMaxRetries": "1", "backOffInterval": "10ms"}),
		failing(2), to("orders"))
	device := s.broker.Listen5(t, "dead", "<%P|%p>")
	s.daprd.PublishJSON(t, pubsub, "orders", "bad")
	device.WaitFor(t, "dead-letter-topic:orders", 0)
	device.WaitFor(t, "dead-letter-attempts:2", 0)
	device.WaitFor(t, `"data":"bad"`, 0)
}
