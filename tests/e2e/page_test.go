package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

// The three Components of Dapr's page about pubsub.mqtt, as they stand there but
// for host, port, user, certificates and the name of the secret store.

func TestPage_plain_Component_carries_messages(t *testing.T) {
	broker := harness.StartBroker(t, harness.BrokerOptions{User: "us er", Password: "p@ss:w/rd"})
	s := startPage(t, broker, "page_plain.yaml", map[string]string{
		"[username][:password]@host.domain[:port]": fmt.Sprintf("us%%20er:p%%40ss%%3Aw%%2Frd@localhost:%d", broker.Port),
	})
	requireRoundTrip(t, s.daprd, "orders", s.app)
}

func TestPage_tls_Component_with_secret_key_carries_messages(t *testing.T) {
	authority := harness.NewAuthority(t)
	client := authority.Client(t, "my-client")
	broker := harness.StartBroker(t, harness.BrokerOptions{Authority: authority, ClientCertificates: true})
	s := startPage(t, broker, "page_tls.yaml", map[string]string{
		"host.domain[:port]": fmt.Sprintf("localhost:%d", broker.Port),
		// \n as two characters, as in the page's table, and as a line break.
		"${{ myLoadedCACert }}":     "'" + strings.ReplaceAll(authority.CertPEM, "\n", `\n`) + "'",
		"${{ myLoadedClientCert }}": fmt.Sprintf("%q", client.CertPEM),
		"<SECRET_STORE_NAME>":       "local-secrets",
	}, secretStore(t, map[string]string{"myMqttClientKey": client.KeyPEM}))
	requireRoundTrip(t, s.daprd, "orders", s.app)
	require.NotContains(t, s.component.String(), "PRIVATE KEY")
}

func TestPage_uuid_lets_every_replica_of_an_app_consume_a_shared_topic(t *testing.T) {
	broker := harness.StartBroker(t, harness.BrokerOptions{User: "admin", Password: "public"})
	s := startPage(t, broker, "page_shared_topic.yaml", map[string]string{
		"localhost:1883": fmt.Sprintf("localhost:%d", broker.Port),
	})
	replica := harness.StartApp(t, nil, to("orders"))
	s.sidecar(t, appID, replica)

	requireRoundTrip(t, s.daprd, "orders", s.app)
	requireEvent(t, replica, map[string]any{"to": "orders"})
	require.Zero(t, broker.TakeOvers(), "two clients fought over one client ID")
}

// startPage runs one of the page's Components with an app that subscribes to
// "orders"; fill says what stands for the page's placeholders.
func startPage(t *testing.T, broker *harness.Broker, page string, fill map[string]string, more ...string) stack {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", page))
	require.NoError(t, err)
	yaml := string(raw)
	for placeholder, value := range fill {
		require.Contains(t, yaml, placeholder)
		yaml = strings.ReplaceAll(yaml, placeholder, value)
	}
	files := map[string]string{"pubsub.yaml": yaml}
	for i, content := range more {
		files[fmt.Sprintf("more%d.yaml", i)] = content
	}
	s := stack{broker: broker, component: harness.StartComponent(t), resources: harness.Resources(t, files)}
	s.app = harness.StartApp(t, nil, to("orders"))
	s.daprd = s.sidecar(t, appID, s.app)
	return s
}

// secretStore is Dapr's local file store with these secrets.
func secretStore(t *testing.T, secrets map[string]string) string {
	t.Helper()
	content, err := json.Marshal(secrets)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "secrets.json")
	harness.WriteFile(t, path, string(content))
	return fmt.Sprintf(`apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: local-secrets
spec:
  type: secretstores.local.file
  version: v1
  metadata:
  - name: secretsFile
    value: %q
`, path)
}
