package brokers

import (
	"fmt"
	"path/filepath"
	"testing"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

const natsVersion = "2.15.2"

func natsInstall(t *testing.T, cache string) string {
	goProgram(t, cache, "github.com/nats-io/nats-server/v2", "v"+natsVersion)
	return natsVersion
}

func TestNATS(t *testing.T) {
	run(t, &adapter{
		name: "NATS", tls: true,
		prepare: natsInstall,
		launch: func(t testing.TB, cache string, n *node) *harness.Process {
			encryption := ""
			if n.identity != nil {
				encryption = fmt.Sprintf("tls { cert_file: %q, key_file: %q }", n.identity.certFile, n.identity.keyFile)
			}
			config := n.file(t, "nats.conf", fmt.Sprintf(`server_name: test
listen: "127.0.0.1:-1"
jetstream { store_dir: %q }
mqtt { listen: "127.0.0.1:%d", %s }
`, filepath.Join(n.folder, "data"), n.port, encryption))
			return harness.StartProgram(t, "nats", n.folder, nil, filepath.Join(cache, "nats-server"), "-c", config)
		},
		shareIsATopic: true,
		lacks: map[feature]string{
			mqtt5:      "answers \"unacceptable protocol version\"",
			shared:     "a subscription to `$share/…` is granted as a topic of that name and stays silent",
			large:      "`max_payload` is 1 MiB with what the server adds; it can be raised",
			properties: "no MQTT 5",
			expiry:     "no MQTT 5",
			reasons:    "no MQTT 5",
		},
	})
}

func TestAmqtt(t *testing.T) {
	const version = "0.12.1"
	run(t, &adapter{
		name: "amqtt",
		prepare: func(t *testing.T, cache string) string {
			pythonPackage(t, cache, "amqtt", version)
			return version
		},
		launch: func(t testing.TB, cache string, n *node) *harness.Process {
			config := n.file(t, "amqtt.yaml", fmt.Sprintf(`listeners:
  default:
    type: tcp
    bind: 127.0.0.1:%d
plugins:
  amqtt.plugins.authentication.AnonymousAuthPlugin:
    allow_anonymous: true
`, n.port))
			return harness.StartProgram(t, "amqtt", n.folder, nil, filepath.Join(cache, "bin", "amqtt"), "-c", config)
		},
		lacks: map[feature]string{
			mqtt5:       "refuses the connection",
			shared:      "a subscription to `$share/…` is granted as a topic of that name and stays silent",
			session:     "keeps no session",
			sessionDisk: "keeps no session",
			properties:  "no MQTT 5",
			expiry:      "no MQTT 5",
			reasons:     "no MQTT 5",
			encrypted:   "not tried",
		},
	})
}
