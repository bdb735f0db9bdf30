// Package e2e tries what users of Dapr see: a real daprd, the component, a real
// mosquitto and an HTTP app.
package e2e

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

// pubsub is the name of the Component in every test, as on Dapr's page.
const pubsub = "mqtt-pubsub"

// appID is also the client ID of the consumer, since daprd makes it so.
const appID = "my-app"

// stack is one of each.
type stack struct {
	broker    *harness.Broker
	component *harness.Component
	app       *harness.App
	daprd     *harness.Daprd
	resources string
}

// start brings up a stack on a plain broker, with metadata on top of url and qos 1.
func start(t *testing.T, metadata map[string]string, answer harness.Answer, subscriptions ...harness.Subscription) stack {
	t.Helper()
	s := stack{broker: harness.StartBroker(t, harness.BrokerOptions{})}
	s.component = harness.StartComponent(t)
	s.app = harness.StartApp(t, answer, subscriptions...)
	s.resources = harness.Resources(t, map[string]string{"pubsub.yaml": plain(s.broker, metadata)})
	s.daprd = s.sidecar(t, appID, s.app)
	return s
}

// sidecar starts a daprd with the stack's resources. It waits for the app's
// subscriptions at the broker: daprd is ready earlier, and the component holds
// back only what the same daprd publishes.
func (s stack) sidecar(t *testing.T, id string, app *harness.App) *harness.Daprd {
	t.Helper()
	mark := s.broker.Mark()
	d := harness.StartDaprd(t, harness.DaprdOptions{
		AppID: id, App: app, Component: s.component, Resources: s.resources,
	})
	for _, subscription := range app.Subscriptions {
		topic := subscription.Topic
		if lane, isOne := strings.CutPrefix(topic, "$lane/"); isOne {
			_, topic, _ = strings.Cut(lane, "/") // for daprd alone
		}
		s.broker.WaitSubscribed(t, topic, mark)
	}
	return d
}

// plain is a Component for a broker without TLS.
func plain(broker *harness.Broker, metadata map[string]string) string {
	all := map[string]string{"url": broker.URL(), "qos": "1"}
	maps.Copy(all, metadata)
	return harness.ComponentYAML(pubsub, all)
}

// to subscribes to a topic, with /in as its route; metadata in pairs.
func to(topic string, metadata ...string) harness.Subscription {
	s := harness.Subscription{PubsubName: pubsub, Topic: topic, Route: "/in", Metadata: map[string]string{}}
	for i := 0; i+1 < len(metadata); i += 2 {
		s.Metadata[metadata[i]] = metadata[i+1]
	}
	return s
}

// requireRoundTrip publishes an event through d and waits for it at app.
func requireRoundTrip(t *testing.T, d *harness.Daprd, topic string, app *harness.App) {
	t.Helper()
	d.PublishJSON(t, pubsub, topic, map[string]any{"to": topic})
	requireEvent(t, app, map[string]any{"to": topic})
}

// requireEvent waits for a CloudEvent at app and compares its data.
func requireEvent(t *testing.T, app *harness.App, data any) {
	t.Helper()
	require.Equal(t, data, app.Next(t).Event(t)["data"])
}

// cloudEvent is what a device sends to apps that expect CloudEvents.
func cloudEvent(t *testing.T, id string, data any) []byte {
	t.Helper()
	event, err := json.Marshal(map[string]any{
		"specversion": "1.0", "type": "reading", "source": "device", "id": id,
		"datacontenttype": "application/json", "data": data,
	})
	require.NoError(t, err)
	return event
}
