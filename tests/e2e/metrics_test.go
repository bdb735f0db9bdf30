package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/stretchr/testify/require"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

func TestMetrics_are_read_by_Prometheus_and_follow_its_conventions(t *testing.T) {
	port := harness.UnusedPort(t)
	s := stack{broker: harness.StartBroker(t, harness.BrokerOptions{})}
	s.component = harness.StartComponent(t, "--metrics-address", strconv.Itoa(port))
	s.app = harness.StartApp(t, nil, to("orders"))
	s.resources = harness.Resources(t, map[string]string{"pubsub.yaml": plain(s.broker, nil)})
	s.daprd = s.sidecar(t, appID, s.app)
	requireRoundTrip(t, s.daprd, "orders", s.app)

	response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/metrics", port))
	require.NoError(t, err)
	page, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())

	problems, err := promlint.New(strings.NewReader(string(page))).Lint()
	require.NoError(t, err)
	require.Empty(t, problems)

	var parser expfmt.TextParser
	families, err := parser.TextToMetricFamilies(strings.NewReader(string(page)))
	require.NoError(t, err)
	deliveries := families["dapr_mqtt_deliveries_total"].GetMetric()
	require.Len(t, deliveries, 1)
	require.Equal(t, 1.0, deliveries[0].GetCounter().GetValue())
	labels := map[string]string{}
	for _, label := range deliveries[0].GetLabel() {
		labels[label.GetName()] = label.GetValue()
	}
	// As daprd names them: the Component, and the app's ID.
	require.Equal(t, map[string]string{"component": pubsub, "consumer_id": appID}, labels)
}
