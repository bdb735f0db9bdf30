package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

// Several sidecars on one component process, at once and one after another.

// startLate adds a second sidecar with its app to a running stack.
func startLate(t *testing.T, s stack, subscriptions ...harness.Subscription) *harness.App {
	t.Helper()
	app := harness.StartApp(t, nil, subscriptions...)
	s.sidecar(t, "late-app", app)
	return app
}

func TestMetadata_of_daprd_shows_which_component_is_running(t *testing.T) {
	s := start(t, nil, nil)
	require.Subset(t, s.daprd.Capabilities(t, pubsub), []string{
		"BULK_PUBSUB", "SUBSCRIBE_WILDCARDS", "BULK_SUBSCRIBE_IMMEDIATE", "DAPR_PUBSUB_MQTT_CPP",
	})
}

func TestSidecars_of_two_apps_share_one_component_process(t *testing.T) {
	s := start(t, nil, nil, to("orders"))
	other := startLate(t, s, to("orders"), to("only-late"))

	s.daprd.PublishJSON(t, pubsub, "orders", "both")
	requireEvent(t, s.app, "both")
	requireEvent(t, other, "both")
	s.daprd.PublishJSON(t, pubsub, "only-late", "one")
	requireEvent(t, other, "one")
	require.Zero(t, s.app.Pending())
	require.Zero(t, s.broker.TakeOvers())
}

func TestSidecar_killed_and_started_again_gets_messages_without_a_fight(t *testing.T) {
	s := start(t, map[string]string{"cleanSession": "false"}, nil, to("orders"))
	for range 3 {
		requireRoundTrip(t, s.daprd, "orders", s.app)
		s.daprd.Kill()
		s.daprd = s.sidecar(t, appID, s.app)
	}
	requireRoundTrip(t, s.daprd, "orders", s.app)
	require.Zero(t, s.broker.TakeOvers(), "the old instance still held the client ID")
}

func TestReload_of_a_Component_takes_new_settings_and_messages_flow_on(t *testing.T) {
	s := start(t, nil, nil, to("orders"))
	requireRoundTrip(t, s.daprd, "orders", s.app)

	for _, retain := range []string{"true", "false"} {
		atDaprd, atBroker := s.daprd.Mark(), s.broker.Mark()
		harness.WriteFile(t, s.resources+"/pubsub.yaml", plain(s.broker, map[string]string{"retain": retain}))
		s.daprd.WaitFor(t, "Component loaded: "+pubsub, atDaprd)
		s.broker.WaitSubscribed(t, "orders", atBroker)
		topic := "retained-" + retain
		s.daprd.PublishJSON(t, pubsub, topic, retain)
		requireRoundTrip(t, s.daprd, "orders", s.app)
	}
	device := s.broker.Connect(t)
	device.Subscribe(t, "retained-false")
	device.Subscribe(t, "retained-true")
	require.Equal(t, "retained-true", device.Next(t).Topic())
	require.Zero(t, s.broker.TakeOvers(), "the old instance still held the client ID")
}
