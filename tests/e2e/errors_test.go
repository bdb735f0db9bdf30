package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

// What a user reads in daprd's log when a Component cannot be initialised.

func TestInitError_names_key_and_value(t *testing.T) {
	log := failedStart(t, map[string]string{
		"url": fmt.Sprintf("tcp://localhost:%d", harness.UnusedPort(t)), "qos": "3", "retain": "maybe",
	})
	requireAll(t, log, "InvalidArgument", "qos", `3`, "retain", "maybe")
}

func TestInitError_says_that_user_or_password_is_wrong(t *testing.T) {
	broker := harness.StartBroker(t, harness.BrokerOptions{User: "admin", Password: "public"})
	log := failedStart(t, map[string]string{
		"url": strings.Replace(broker.URL(), "//", "//admin:not-public@", 1),
	})
	requireAll(t, log, "password", fmt.Sprint(broker.Port))
	require.NotContains(t, log, "not-public")
}

func TestInitError_says_that_nobody_listens(t *testing.T) {
	port := harness.UnusedPort(t)
	log := failedStart(t, map[string]string{"url": fmt.Sprintf("tcp://localhost:%d", port)})
	requireAll(t, log, "Unavailable", "refused", fmt.Sprint(port))
}

// failedStart returns the line in which daprd gives the component's error.
func failedStart(t *testing.T, metadata map[string]string) string {
	t.Helper()
	d := harness.LaunchDaprd(t, harness.DaprdOptions{
		AppID:     appID,
		Component: harness.StartComponent(t),
		Resources: harness.Resources(t, map[string]string{"pubsub.yaml": harness.ComponentYAML(pubsub, metadata)}),
	})
	for line := range strings.Lines(d.WaitFatal(t)) {
		if strings.Contains(line, "INIT_COMPONENT_FAILURE") {
			t.Log(line)
			return line
		}
	}
	t.Fatal("daprd's log has no line with the component's error")
	return ""
}

func requireAll(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		require.Contains(t, text, part)
	}
}
