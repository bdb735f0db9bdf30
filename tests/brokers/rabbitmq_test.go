package brokers

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

func rabbitInstall(t *testing.T, cache string) string {
	version := debianPackage(t, cache, "rabbitmq-server")
	if !strings.HasPrefix(version, "3.") {
		t.Skipf("this machine's Debian has RabbitMQ %s; what is declared here is of 3", version)
	}
	return version
}

func rabbitPackages(cache string) debian { return debian{root: filepath.Join(cache, "root")} }

func TestRabbitMQ(t *testing.T) {
	run(t, &adapter{
		name: "RabbitMQ", tls: true,
		prepare: rabbitInstall,
		launch: func(t testing.TB, cache string, n *node) *harness.Process {
			if n.ports == nil {
				n.ports = map[string]int{"epmd": startEpmd(t, rabbitPackages(cache))}
			}
			return rabbitMQ(t, rabbitPackages(cache), n, "rabbit@localhost", "")
		},
		shareIsATopic: true,
		lacks: map[feature]string{
			mqtt5:        "refuses the connection (4.0 speaks MQTT 5)",
			qos2:         "grants QoS 1, and answers a publish with QoS 2 like one with QoS 1",
			retainedWild: "sends none under wildcards",
			dots:         "`a.b` and `a/b` are the same topic, delivered as `a/b`",
			shared:       "a subscription to `$share/…` is granted as a topic of that name and stays silent",
			properties:   "no MQTT 5",
			expiry:       "no MQTT 5",
			reasons:      "no MQTT 5",
		},
	})
}

func rabbit4Install(t *testing.T, cache string) string {
	return debian13Package(t, cache, "rabbitmq-server")
}

func TestRabbitMQ4(t *testing.T) {
	run(t, &adapter{
		name: "RabbitMQ 4", tls: true,
		prepare: rabbit4Install,
		launch: func(t testing.TB, cache string, n *node) *harness.Process {
			if n.ports == nil {
				n.ports = map[string]int{"epmd": startEpmd(t, debian13(cache))}
			}
			return rabbitMQ(t, debian13(cache), n, "rabbit@localhost", "")
		},
		shareIsATopic: true,
		lacks: map[feature]string{
			qos2:         "grants QoS 1, and answers a publish with QoS 2 like one with QoS 1; with MQTT 5 CONNACK says so, and it is refused",
			retainedWild: "sends none under wildcards",
			dots:         "`a.b` and `a/b` are the same topic, delivered as `a/b`",
			shared:       "a subscription to `$share/…` is granted as a topic of that name and stays silent",
		},
	})
}

// startEpmd starts Erlang's port mapper on a port of its own. Without it, the first node would leave
// one behind.
func startEpmd(t testing.TB, packages debian) int {
	port := harness.UnusedPort(t)
	packages.start(t, "epmd", t.TempDir(), nil, packages.path(t, "/usr/lib/erlang/bin/epmd"),
		"-port", fmt.Sprint(port), "-address", "127.0.0.1")
	return port
}

// rabbitMQ starts a node of that name, with all of its data in n.folder and these settings more.
func rabbitMQ(t testing.TB, packages debian, n *node, name, settings string) *harness.Process {
	mqtt := fmt.Sprintf("mqtt.listeners.tcp.1 = 127.0.0.1:%d\n", n.port)
	if n.identity != nil {
		mqtt = fmt.Sprintf("mqtt.listeners.tcp = none\nmqtt.listeners.ssl.1 = 127.0.0.1:%d\n"+
			"ssl_options.cacertfile = %s\nssl_options.certfile = %s\nssl_options.keyfile = %s\n",
			n.port, n.identity.caFile, n.identity.certFile, n.identity.keyFile)
	}
	if _, found := n.ports["amqp"]; !found {
		n.ports["amqp"], n.ports["distribution"] = harness.UnusedPort(t), harness.UnusedPort(t)
	}
	config := n.file(t, "rabbitmq.conf", fmt.Sprintf("listeners.tcp.1 = 127.0.0.1:%d\n%s"+
		"mqtt.exchange = amq.topic\nlog.console = true\nlog.file = false\n%s", n.ports["amqp"], mqtt, settings))
	plugins := n.file(t, "enabled_plugins", "[rabbitmq_mqtt].\n")
	cookie := filepath.Join(n.folder, ".erlang.cookie")
	if _, err := os.Stat(cookie); err != nil {
		n.file(t, ".erlang.cookie", "BROKERTESTS")
		if err := os.Chmod(cookie, 0o400); err != nil {
			t.Fatal(err)
		}
	}
	server := packages.path(t, "/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server")
	env := []string{
		"RABBITMQ_NODENAME=" + name,
		fmt.Sprintf("RABBITMQ_DIST_PORT=%d", n.ports["distribution"]),
		fmt.Sprintf("ERL_EPMD_PORT=%d", n.ports["epmd"]),
		"ERL_EPMD_ADDRESS=127.0.0.1",
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}",
		"RUNNING_UNDER_SYSTEMD=1", // no shell in between: the process that is started is the broker
		"RABBITMQ_MNESIA_BASE=" + filepath.Join(n.folder, "mnesia"),
		"RABBITMQ_LOG_BASE=" + filepath.Join(n.folder, "log"),
		"RABBITMQ_CONFIG_FILE=" + strings.TrimSuffix(config, ".conf"),
		"RABBITMQ_ENABLED_PLUGINS_FILE=" + plugins,
		"RABBITMQ_CONF_ENV_FILE=/nowhere",
		"RABBITMQ_PID_FILE=" + filepath.Join(n.folder, "pid"),
	}
	return packages.start(t, "rabbitmq", n.folder, env, server)
}
