// Package conformance runs Dapr's official pub/sub suite against the component,
// through the client that daprd itself uses, with a real broker behind.
package conformance

import (
	"log/slog"
	"os"
	"strconv"
	"testing"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/stretchr/testify/require"

	suite "github.com/dapr/components-contrib/tests/conformance/pubsub"
	"github.com/dapr/dapr/pkg/components/pubsub"
	"github.com/dapr/kit/logger"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

// Of the suite's optional operations: bulkpublish. The other one, bulksubscribe,
// is for components inside daprd alone: the wire of pluggable components has no
// call for it (daprd gathers the messages itself; see e2e).
var operations = []string{"bulkpublish"}

func TestConformance_clean_session(t *testing.T)      { run(t, "3.1.1", 1, true) }
func TestConformance_persistent_session(t *testing.T) { run(t, "3.1.1", 1, false) }
func TestConformance_qos_0(t *testing.T)              { run(t, "3.1.1", 0, true) }
func TestConformance_qos_2(t *testing.T)              { run(t, "3.1.1", 2, false) }
func TestConformance_mqtt5(t *testing.T)              { run(t, "5", 1, true) }
func TestConformance_mqtt5_qos_2(t *testing.T)        { run(t, "5", 2, false) }

// What holds with mosquitto alone may be mosquitto's own: with a broker of other
// people's, too.
func TestConformance_mochi(t *testing.T)             { runWith(t, mochi(t), "3.1.1", 1, false) }
func TestConformance_mochi_mqtt5_qos_2(t *testing.T) { runWith(t, mochi(t), "5", 2, false) }

func run(t *testing.T, version string, qos int, cleanSession bool) {
	// Any other, by hand: DAPR_MQTT_TEST_BROKER=tcp://localhost:1883.
	url := os.Getenv("DAPR_MQTT_TEST_BROKER")
	if url == "" {
		url = harness.StartBroker(t, harness.BrokerOptions{}).URL()
	}
	runWith(t, url, version, qos, cleanSession)
}

// mochi gives the URL of a broker in this process.
func mochi(t *testing.T) string {
	server := mqtt.New(&mqtt.Options{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, server.AddHook(new(auth.AllowHook), nil))
	listener := listeners.NewTCP(listeners.Config{ID: "tcp", Address: "127.0.0.1:0"})
	require.NoError(t, server.AddListener(listener))
	require.NoError(t, server.Serve())
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	return "tcp://" + listener.Address()
}

func runWith(t *testing.T, url, version string, qos int, cleanSession bool) {
	component := harness.StartComponent(t)

	config, err := suite.NewTestConfig("mqtt", operations, map[string]any{
		"pubsubName": "mqtt-pubsub",
		// Others wait for their subscriptions to take effect. This component's
		// publishes do not overtake them, so that nothing has to be waited for.
		"waitDurationToPublish": time.Duration(0),
	})
	require.NoError(t, err)
	suite.ConformanceTests(t, map[string]string{
		"url":             url,
		"consumerID":      "conformance",
		"protocolVersion": version,
		"qos":             strconv.Itoa(qos),
		"cleanSession":    strconv.FormatBool(cleanSession),
		// The suite fails some messages on purpose. When one of them is the last,
		// it sits out its whole time unless that one comes again.
		"backOffMaxRetries": "-1",
		"backOffInterval":   "100ms",
	}, pubsub.NewGRPCPubSub(logger.NewLogger("daprd"), component.Socket), config)
}
