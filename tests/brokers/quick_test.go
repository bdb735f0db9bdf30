package brokers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

// The brokers of this file are there within seconds, so that every run has them.

func TestMosquitto(t *testing.T) {
	run(t, &adapter{
		name: "mosquitto", quick: true, tls: true,
		prepare: func(t *testing.T, _ string) string {
			out, _ := exec.Command(mosquitto(), "-h").CombinedOutput() // ends with 1 or 3
			version, found := strings.CutPrefix(strings.SplitN(string(out), "\n", 2)[0], "mosquitto version ")
			if !found {
				t.Skipf("mosquitto is not installed: %s", out)
			}
			return version
		},
		launch: func(t testing.TB, _ string, n *node) *harness.Process {
			lines := []string{
				fmt.Sprintf("listener %d 127.0.0.1", n.port), "allow_anonymous true",
				"persistence true", "persistence_location " + n.folder + "/", "autosave_interval 1",
				"max_queued_messages 100000", "log_dest stderr",
			}
			if os.Geteuid() == 0 {
				lines = append(lines, "user root") // else it gives up the right to read its files
			}
			if n.identity != nil {
				lines = append(lines, "cafile "+n.identity.caFile, "certfile "+n.identity.certFile,
					"keyfile "+n.identity.keyFile)
			}
			config := n.file(t, "mosquitto.conf", strings.Join(lines, "\n")+"\n")
			return harness.StartProgram(t, "mosquitto", n.folder, nil, mosquitto(), "-c", config)
		},
	})
}

func mosquitto() string {
	if path, err := exec.LookPath("mosquitto"); err == nil {
		return path
	}
	return "/usr/sbin/mosquitto" // not in every user's PATH
}

func TestAedes(t *testing.T) {
	const version = "1.2.0"
	run(t, &adapter{
		name: "aedes", quick: true, tls: true,
		prepare: func(t *testing.T, cache string) string {
			npmPackage(t, cache, "aedes", version)
			return version
		},
		launch: func(t testing.TB, cache string, n *node) *harness.Process {
			args := []string{"node", testdata(t, "aedes.cjs"), cache,
				fmt.Sprint(n.port)}
			if n.identity != nil {
				args = append(args, n.identity.certFile, n.identity.keyFile)
			}
			return harness.StartProgram(t, "aedes", n.folder, nil, args...)
		},
		shareIsATopic: true,
		lacks: map[feature]string{
			mqtt5:       "answers \"unsupported protocol version\"",
			properties:  "no MQTT 5",
			expiry:      "no MQTT 5",
			reasons:     "no MQTT 5",
			shared:      "no shared subscriptions: the subscription is granted and stays silent",
			sessionDisk: "sessions are in memory (a persistence of Redis or MongoDB keeps them)",
		},
	})
}

func TestIotcore(t *testing.T) {
	const version = "0.4.0"
	run(t, &adapter{
		name: "rumqttd", quick: true, ownPort5: true,
		prepare: func(t *testing.T, cache string) string {
			pythonPackage(t, cache, "iotcore", version)
			return version
		},
		launch: func(t testing.TB, cache string, n *node) *harness.Process {
			config := n.file(t, "rumqttd.toml", fmt.Sprintf(rumqttd, n.port, n.port5))
			return harness.StartProgram(t, "rumqttd", n.folder, nil, filepath.Join(cache, "bin", "python3"),
				testdata(t, "iotcore_broker.py"), config)
		},
		lacks: map[feature]string{
			shared:      "with MQTT 3.1.1 a subscription to `$share/…` is granted and stays silent",
			reasons:     "PUBACK says 0x00",
			sessionDisk: "sessions are in memory",
			encrypted:   "not tried",
		},
	})
}

// rumqttd inside the Python package iotcore.
const rumqttd = `id = 0
[router]
id = 0
max_connections = 1000
max_outgoing_packet_count = 2000
max_segment_size = 104857600
max_segment_count = 10
[v4.1]
name = "v4"
listen = "127.0.0.1:%d"
next_connection_delay_ms = 1
[v4.1.connections]
connection_timeout_ms = 60000
max_payload_size = 2000000
max_inflight_count = 500
[v5.1]
name = "v5"
listen = "127.0.0.1:%d"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = 2000000
max_inflight_count = 500
`
