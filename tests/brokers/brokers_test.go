// Package brokers tries the component with the brokers that its users have: each is
// installed from its package registry and started on loopback, and each keeps the same
// promises, but for what its adapter says that it lacks.
package brokers

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	suite "github.com/dapr/components-contrib/tests/conformance/pubsub"
	"github.com/dapr/dapr/pkg/components/pubsub"
	"github.com/stretchr/testify/require"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

// wantedAll: all brokers were asked for, so that a broker that cannot be had is a failure.
func wantedAll() bool { return os.Getenv("DAPR_MQTT_ALL_BROKERS") == "1" }

// prepare installs the broker, or skips the test with the reason.
func prepare(t *testing.T, a *adapter) (version, cache string) {
	if !a.quick && !wantedAll() {
		t.Skipf("%s takes longer to install: set DAPR_MQTT_ALL_BROKERS=1", a.name)
	}
	all := os.Getenv("BROKERS_CACHE")
	if all == "" {
		t.Fatal("set BROKERS_CACHE to a folder for what is installed")
	}
	cache, err := filepath.Abs(filepath.Join(all, strings.ToLower(strings.ReplaceAll(a.name, " ", "-"))))
	require.NoError(t, err)
	return a.prepare(t, cache), cache
}

// run tries everything with one broker, and compares with the docs.
func run(t *testing.T, a *adapter) {
	version, cache := prepare(t, a)
	begin := time.Now()
	broker := startNode(t, a, cache, false)
	t.Logf("%s %s answers after %.1f s", a.name, version, time.Since(begin).Seconds())

	best := "3.1.1"
	if _, without := a.lacks[mqtt5]; !without {
		best = "5"
	}
	results := row{name: a.name, version: version, cells: map[feature]bool{}, tls: a.tls}
	for _, p := range promises {
		t.Run(string(p.feature), func(t *testing.T) { results.cells[p.feature] = tryPromise(t, p, a, broker, best) })
	}
	t.Run("warning of $share", func(t *testing.T) {
		warning(&bench{t: t, broker: broker, component: harness.StartComponent(t), version: "3.1.1", patience: harness.Deadline})
	})
	versions := []string{"3.1.1"}
	if best == "5" {
		versions = append(versions, best)
	}
	for _, v := range versions {
		t.Run("conformance "+v, func(t *testing.T) { conformance(t, broker, v, results.cells[session]) })
	}
	if !t.Failed() {
		compareWithDocs(t, a, results)
	}
}

// tryPromise returns whether the promise is kept. What is declared lacking may break it, and must.
func tryPromise(t *testing.T, p promise, a *adapter, broker *node, version string) bool {
	reason, lacking := a.lacks[p.feature]
	if p.feature == encrypted && !a.tls {
		if !lacking {
			t.Fatal("an adapter without TLS says why")
		}
		t.Skip(reason)
	}
	patience := harness.Deadline
	if lacking {
		patience = 4 * time.Second
	}
	begin := time.Now()
	failure, log := try(t, func(tb testing.TB) {
		p.keep(&bench{t: tb, broker: broker, component: harness.StartComponent(tb), version: version, patience: patience})
	})
	seconds := time.Since(begin).Seconds()
	switch {
	case failure == "" && lacking:
		t.Errorf("%s is said to lack this (%s), but has it", a.name, reason)
	case failure != "" && !lacking:
		t.Errorf("%s\n%s", failure, log)
	case lacking:
		t.Logf("not there, as declared (%s): %.1f s: %s", reason, seconds, failure)
	default:
		t.Logf("%.1f s", seconds)
	}
	// Whatever was done to it, the next one finds it running.
	if !broker.Running() {
		broker.start(t)
	}
	return failure == ""
}

// conformance is Dapr's own suite.
func conformance(t *testing.T, broker *node, version string, persistent bool) {
	component := harness.StartComponent(t)
	config, err := suite.NewTestConfig("mqtt", []string{"bulkpublish"}, map[string]any{
		"pubsubName":            "mqtt-pubsub",
		"waitDurationToPublish": time.Duration(0),
	})
	require.NoError(t, err)
	suite.ConformanceTests(t, map[string]string{
		"url":               broker.url(version),
		"consumerID":        unique("conformance"),
		"protocolVersion":   version,
		"qos":               "1",
		"cleanSession":      strconv.FormatBool(!persistent),
		"backOffMaxRetries": "-1",
		"backOffInterval":   "100ms",
	}, pubsub.NewGRPCPubSub(quiet(), component.Socket), config)
}
