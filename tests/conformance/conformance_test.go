// Package conformance runs Dapr's official pub/sub suite against the component,
// through the client that daprd itself uses, with a real mosquitto behind.
package conformance

import (
	"strconv"
	"testing"
	"time"

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

func run(t *testing.T, version string, qos int, cleanSession bool) {
	broker := harness.StartBroker(t, harness.BrokerOptions{})
	component := harness.StartComponent(t)

	config, err := suite.NewTestConfig("mqtt", operations, map[string]any{
		"pubsubName": "mqtt-pubsub",
		// Others wait for their subscriptions to take effect. This component's
		// publishes do not overtake them, so that nothing has to be waited for.
		"waitDurationToPublish": time.Duration(0),
	})
	require.NoError(t, err)
	suite.ConformanceTests(t, map[string]string{
		"url":             broker.URL(),
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
