package brokers

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

// Three nodes whose streams have three replicas; NATS has no shared subscriptions, so each replica of
// the app has its own part of the topics (docs/SCALE.md, "Sharding by topic").
func TestNATS_cluster_that_loses_one_node_and_then_another_loses_no_message(t *testing.T) {
	a := &adapter{name: "NATS", prepare: natsInstall}
	version, cache := prepare(t, a)
	var nodes []*node
	a.launch = func(t testing.TB, cache string, n *node) *harness.Process {
		var routes []string
		for _, other := range nodes {
			routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", other.ports["cluster"]))
		}
		config := n.file(t, "nats.conf", fmt.Sprintf(`server_name: node-%d
listen: "127.0.0.1:-1"
jetstream { store_dir: %q }
cluster { name: test, listen: "127.0.0.1:%d", routes: [%s] }
mqtt { listen: "127.0.0.1:%d", stream_replicas: 3, consumer_replicas: 3 }
`, slices.Index(nodes, n), filepath.Join(n.folder, "data"), n.ports["cluster"], strings.Join(routes, ", "), n.port))
		return harness.StartProgram(t, "nats", n.folder, nil, filepath.Join(cache, "nats-server"), "-c", config)
	}
	for range 3 {
		n := newNode(t, a, cache, false)
		n.ports = map[string]int{"cluster": harness.UnusedPort(t)}
		nodes = append(nodes, n)
	}
	for _, n := range nodes {
		n.Process = a.launch(t, cache, n)
	}
	for _, n := range nodes {
		n.await(t)
	}
	t.Logf("NATS %s, three nodes", version)
	loseNodes(t, nodes)
}

func TestRabbitMQ_cluster_that_loses_one_node_and_then_another_loses_no_message(t *testing.T) {
	rabbitMQCluster(t, &adapter{name: "RabbitMQ", prepare: rabbitInstall}, rabbitPackages)
}

func TestRabbitMQ4_cluster_that_loses_one_node_and_then_another_loses_no_message(t *testing.T) {
	rabbitMQCluster(t, &adapter{name: "RabbitMQ 4", prepare: rabbit4Install}, debian13)
}

// rabbitMQCluster has three nodes with quorum queues. RabbitMQ has no shared subscriptions either.
func rabbitMQCluster(t *testing.T, a *adapter, packages func(cache string) debian) {
	version, cache := prepare(t, a)
	epmd := startEpmd(t, packages(cache))
	var nodes []*node
	settings := "mqtt.durable_queue_type = quorum\ncluster_formation.peer_discovery_backend = classic_config\n"
	for i := range 3 {
		settings += fmt.Sprintf("cluster_formation.classic_config.nodes.%d = rabbit%d@localhost\n", i+1, i)
	}
	a.launch = func(t testing.TB, cache string, n *node) *harness.Process {
		return rabbitMQ(t, packages(cache), n, fmt.Sprintf("rabbit%d@localhost", slices.Index(nodes, n)), settings)
	}
	for range 3 {
		n := newNode(t, a, cache, false)
		n.ports = map[string]int{"epmd": epmd}
		nodes = append(nodes, n)
	}
	for _, n := range nodes { // RabbitMQ 4 waits for the others
		n.Process = a.launch(t, cache, n)
	}
	for _, n := range nodes {
		n.await(t)
	}
	t.Logf("RabbitMQ %s, three nodes, quorum queues", version)
	loseNodes(t, nodes)
}

// isAt tells where the component says that it has connected last.
func (c *client) isAt(n *node) bool {
	const connected = "MQTT consumer connected to "
	log := c.bench.component.String()
	last := strings.LastIndex(log, connected)
	return last >= 0 && strings.HasPrefix(log[last+len(connected):], n.url("3.1.1")+" ")
}

// loseNodes sends to three replicas of an app while a node is killed, comes back, and another is killed.
// What the broker has acknowledged must arrive.
func loseNodes(t *testing.T, nodes []*node) {
	const messages, senders = 1800, 8
	urls := func(first int) string { // each begins with another node
		var out []string
		for i := range nodes {
			out = append(out, nodes[(first+i)%len(nodes)].url("3.1.1"))
		}
		return strings.Join(out, ",")
	}
	base := unique("orders")
	topic := func(n int) string { return fmt.Sprintf("%s/%d/new", base, n%len(nodes)) }
	var replicas []*client
	for i := range nodes {
		b := &bench{t: t, broker: nodes[i], component: harness.StartComponent(t), version: "3.1.1", patience: 2 * harness.Deadline}
		replica := b.open(map[string]string{"url": urls(i), "cleanSession": "false", "inbox": "broker",
			"consumerID": fmt.Sprintf("%s-%d", base, i)})
		replica.subscribe(fmt.Sprintf("%s/%d/#", base, i))
		replicas = append(replicas, replica)
	}
	sender := (&bench{t: t, broker: nodes[0], component: harness.StartComponent(t), version: "3.1.1", patience: harness.Deadline}).
		open(map[string]string{"url": urls(0)})

	var mutex sync.Mutex
	var longest time.Duration // between two acknowledgements
	last, acknowledged, failures := time.Now(), 0, 0
	reached := make(chan int, messages)
	next := make(chan int)
	var group sync.WaitGroup
	for range senders {
		group.Go(func() {
			for n := range next {
				for attempt := 0; ; attempt++ {
					err := sender.tryPublish(topic(n), fmt.Appendf(nil, "order %d", n), nil)
					mutex.Lock()
					if err != nil { // as daprd's resiliency does
						failures++
						mutex.Unlock()
						t.Logf("order %d is tried again: %v", n, err)
						if attempt == 10 {
							t.Errorf("order %d: %v", n, err)
							break
						}
						continue
					}
					acknowledged++
					longest = max(longest, time.Since(last))
					last = time.Now()
					reached <- acknowledged
					mutex.Unlock()
					break
				}
			}
		})
	}
	gap := func(what string) { // since the last call
		mutex.Lock()
		defer mutex.Unlock()
		t.Logf("%s: at most %.1f s between two acknowledgements", what, longest.Seconds())
		longest = 0
	}
	feed := func(from, to int) {
		go func() {
			for n := from; n < to; n++ {
				next <- n
			}
		}()
	}
	wait := func(count int) {
		for got := range reached {
			if got >= count {
				return
			}
		}
	}
	const part = messages / 6
	feed(0, 2*part)
	wait(part)
	gap("three nodes")
	nodes[0].Kill() // amid what is fed
	wait(2 * part)
	gap("the node of the publisher and of one replica killed")
	nodes[0].start(t)
	mutex.Lock()
	last = time.Now() // the start was no wait for the broker
	mutex.Unlock()
	feed(2*part, messages)
	wait(4 * part)
	gap("it is back")
	nodes[1].Kill()
	wait(messages)
	gap("another node killed")
	close(next)
	group.Wait()
	for i, replica := range replicas { // mostly its first one, where that is there
		harness.Until(t, fmt.Sprintf("replica %d is at a node that runs", i), func() bool {
			at := slices.IndexFunc(nodes, func(n *node) bool { return replica.isAt(n) })
			if at < 0 || !nodes[at].Running() {
				return false
			}
			t.Logf("replica %d is at node %d", i, at)
			return true
		})
	}

	again := 0
	for i, replica := range replicas {
		seen := replica.all(messages / len(nodes))
		for _, times := range seen {
			again += times - 1
		}
		require.Len(t, seen, messages/len(nodes), "replica %d", i)
	}
	t.Logf("%d messages acknowledged and delivered, %d of them more than once; %d publishes had to be tried again by the app",
		messages, again, failures)
}
