package brokers

import (
	"path/filepath"
	"strconv"
	"testing"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

// javaBroker runs testdata/<class>.java with the archives of its cache: <port> <folder>.
func javaBroker(t testing.TB, cache string, n *node, class string, options ...string) *harness.Process {
	command := append([]string{"java", "-Xmx512m"}, options...)
	command = append(command, "-cp", filepath.Join(cache, "lib")+"/*", testdata(t, class+".java"),
		strconv.Itoa(n.port), n.folder)
	return harness.StartProgram(t, class, n.folder, nil, command...)
}

func TestArtemis(t *testing.T) {
	const version = "2.44.0"
	run(t, &adapter{
		name: "ActiveMQ Artemis",
		prepare: func(t *testing.T, cache string) string {
			mavenPackages(t, cache, "org.apache.activemq:artemis-server:"+version,
				"org.apache.activemq:artemis-mqtt-protocol:"+version, "org.slf4j:slf4j-simple:2.0.17")
			return version
		},
		launch: func(t testing.TB, cache string, n *node) *harness.Process {
			return javaBroker(t, cache, n, "Artemis")
		},
		lacks: map[feature]string{reasons: "PUBACK says 0x00", encrypted: "not tried"},
	})
}

func TestActiveMQ(t *testing.T) {
	const version = "6.3.1"
	run(t, &adapter{
		name: "ActiveMQ Classic",
		prepare: func(t *testing.T, cache string) string {
			mavenPackages(t, cache, "org.apache.activemq:activemq-broker:"+version,
				"org.apache.activemq:activemq-mqtt:"+version,
				"org.apache.activemq:activemq-kahadb-store:"+version, "org.slf4j:slf4j-simple:2.0.17")
			return version
		},
		launch: func(t testing.TB, cache string, n *node) *harness.Process {
			return javaBroker(t, cache, n, "ActiveMQ")
		},
		lacks: map[feature]string{
			mqtt5:      "refuses the connection",
			shared:     "a subscription to `$share/…` is granted as a topic of that name and stays silent",
			properties: "no MQTT 5",
			expiry:     "no MQTT 5",
			reasons:    "no MQTT 5",
			encrypted:  "not tried",
		},
	})
}

func TestHiveMQ(t *testing.T) {
	const version = "2025.5"
	run(t, &adapter{
		name: "HiveMQ CE",
		prepare: func(t *testing.T, cache string) string {
			mavenPackages(t, cache, "com.hivemq:hivemq-community-edition-embedded:"+version)
			return version
		},
		launch: func(t testing.TB, cache string, n *node) *harness.Process {
			var options []string
			for _, opened := range []string{"java.base/java.lang", "java.base/java.nio", "java.base/sun.nio.ch",
				"jdk.management/com.sun.management.internal"} {
				options = append(options, "--add-opens", opened+"=ALL-UNNAMED")
			}
			n.file(t, "conf/config.xml", `<?xml version="1.0"?>
<hivemq>
  <listeners><tcp-listener><port>`+strconv.Itoa(n.port)+`</port><bind-address>127.0.0.1</bind-address></tcp-listener></listeners>
  <mqtt><queued-messages><max-queue-size>100000</max-queue-size></queued-messages></mqtt>
  <anonymous-usage-statistics><enabled>false</enabled></anonymous-usage-statistics>
</hivemq>
`)
			return javaBroker(t, cache, n, "HiveMQ", options...)
		},
		lacks: map[feature]string{encrypted: "not tried: it takes Java key stores"},
	})
}

func TestMoquette(t *testing.T) {
	const version = "0.17"
	run(t, &adapter{
		name: "Moquette",
		prepare: func(t *testing.T, cache string) string {
			mavenPackages(t, cache, "io.moquette:moquette-broker:"+version)
			return version
		},
		launch: func(t testing.TB, cache string, n *node) *harness.Process {
			return javaBroker(t, cache, n, "Moquette")
		},
		shareIsATopic: true,
		lacks: map[feature]string{
			mqtt5:        "answers \"unacceptable protocol version\"",
			shared:       "a subscription to `$share/…` is granted as a topic of that name and stays silent",
			retained:     "sends them without the RETAIN flag",
			retainedWild: "sends them without the RETAIN flag",
			properties:   "no MQTT 5",
			expiry:       "no MQTT 5",
			reasons:      "no MQTT 5",
			encrypted:    "not tried: it takes Java key stores",
		},
	})
}
