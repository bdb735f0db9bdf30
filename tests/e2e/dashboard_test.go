package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

type queryAnswer struct {
	Status string
	Error  string
	Data   struct{ Result []json.RawMessage }
}

func query(t *testing.T, server, expression string) queryAnswer {
	t.Helper()
	response, err := http.Get(server + "/api/v1/query?query=" + url.QueryEscape(expression))
	require.NoError(t, err)
	defer response.Body.Close()
	var answer queryAnswer
	require.NoError(t, json.NewDecoder(response.Body).Decode(&answer))
	return answer
}

// unsignedToken makes a JWT.
func unsignedToken(expires time.Time) string {
	encode := base64.RawURLEncoding.EncodeToString
	claims := fmt.Sprintf(`{"exp":%d}`, expires.Unix())
	return encode([]byte(`{"alg":"none"}`)) + "." + encode([]byte(claims)) + "."
}

// startPrometheus scrapes a port of this machine; skips where there is none.
func startPrometheus(t *testing.T, port int) string {
	t.Helper()
	if _, err := exec.LookPath("prometheus"); err != nil {
		t.Skip("prometheus is not installed")
	}
	config := fmt.Sprintf("global: {scrape_interval: 200ms}\nscrape_configs:\n"+
		"  - {job_name: mqtt, static_configs: [{targets: ['127.0.0.1:%d']}]}\n", port)
	folder := harness.Resources(t, map[string]string{"prometheus.yml": config})
	address := "127.0.0.1:" + strconv.Itoa(harness.UnusedPort(t))
	harness.StartProgram(t, "prometheus", folder, nil, "prometheus", "--config.file=prometheus.yml",
		"--storage.tsdb.path="+t.TempDir(), "--web.listen-address="+address)
	return "http://" + address
}

func TestDashboard_queries_find_what_the_component_serves(t *testing.T) {
	port := harness.UnusedPort(t)
	prometheus := startPrometheus(t, port)
	s := stack{broker: harness.StartBroker(t, harness.BrokerOptions{})}
	s.component = harness.StartComponent(t, "--metrics-address", strconv.Itoa(port))
	s.app = harness.StartApp(t, nil, to("orders"))
	s.resources = harness.Resources(t, map[string]string{"pubsub.yaml": plain(s.broker, map[string]string{
		// A broker that lets everybody in reads none of it; the component reports when it expires.
		"username": "dashboard", "password": unsignedToken(time.Now().Add(time.Hour)),
	})})
	s.daprd = s.sidecar(t, appID, s.app)
	harness.Until(t, "Prometheus has read what came before the message", func() bool {
		response, err := http.Get(prometheus + "/-/ready")
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK &&
			len(query(t, prometheus, "dapr_mqtt_deliveries_total == 0").Data.Result) == 1
	})
	requireRoundTrip(t, s.daprd, "orders", s.app)
	harness.Until(t, "Prometheus has read the message", func() bool {
		return len(query(t, prometheus, "rate(dapr_mqtt_handling_duration_seconds_count[1m]) > 0").Data.Result) == 1
	})

	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "grafana", "dapr-pubsub-mqtt.json"))
	require.NoError(t, err)
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal(text, &board))
	variables := strings.NewReplacer("$component", ".*", "$consumer", ".*", "$__rate_interval", "1m")
	count := 0
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			answer := query(t, prometheus, variables.Replace(target.Expr))
			require.Equal(t, "success", answer.Status, "%s: %s: %s", panel.Title, target.Expr, answer.Error)
			require.NotEmpty(t, answer.Data.Result, "%s: %s finds nothing", panel.Title, target.Expr)
			count++
		}
	}
	require.Greater(t, count, 20)

	// What has no panel, and why.
	left := map[string]bool{
		"dapr_mqtt_instances":                                 true, // the instances are counted by their readiness
		"dapr_mqtt_pending_publish_bytes":                     true, // next to their number, which is there
		"dapr_mqtt_last_connection_failure_timestamp_seconds": true, // the failures are there
	}
	for _, name := range servedMetrics(t, port) {
		require.NotEqual(t, left[name], strings.Contains(string(text), name), name)
	}
}

// servedMetrics has the names on the component's page.
func servedMetrics(t *testing.T, port int) []string {
	t.Helper()
	response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/metrics", port))
	require.NoError(t, err)
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	var names []string
	for _, line := range strings.Split(string(page), "\n") {
		if fields := strings.Fields(line); len(fields) > 2 && fields[1] == "TYPE" && strings.HasPrefix(fields[2], "dapr_mqtt_") {
			names = append(names, fields[2])
		}
	}
	require.Greater(t, len(names), 20)
	return names
}
