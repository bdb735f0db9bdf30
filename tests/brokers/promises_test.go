package brokers

import (
	"bytes"
	"fmt"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"
	"github.com/stretchr/testify/require"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

// feature is a column of the table in the docs.
type feature string

const (
	mqtt5        feature = "MQTT 5"
	qos2         feature = "QoS 2"
	retained     feature = "retained"
	retainedWild feature = "retained, wildcards"
	dots         feature = "dots"
	shared       feature = "`$share`"
	session      feature = "session"
	sessionDisk  feature = "session, broker restart"
	restart      feature = "restart"
	failover     feature = "failover"
	large        feature = "1 MiB"
	properties   feature = "properties"
	expiry       feature = "expiry"
	reasons      feature = "reason codes"
	checked      feature = "check"
	encrypted    feature = "TLS"
	basis        feature = "QoS 0 and 1, wildcards"
)

// promise is something that the component does with a broker that has the feature.
type promise struct {
	feature feature
	meaning string // for the docs
	keep    func(b *bench)
}

var promises = []promise{
	{mqtt5, "`protocolVersion: \"5\"`", func(b *bench) {
		b.version = "5"
		roundTrip(b, "1")
	}},
	{basis, "both ways", func(b *bench) {
		roundTrip(b, "0")
		roundTrip(b, "1")
		wildcards(b)
		dotInTopic(b)
	}},
	{qos2, "both ways, granted as asked for", func(b *bench) { roundTrip(b, "2") }},
	{retained, "a retained message reaches who subscribes to its topic later, both ways", func(b *bench) {
		retain(b, func(topic string) string { return topic + "/a" })
	}},
	{retainedWild, "the same for who subscribes with a wildcard", func(b *bench) {
		retain(b, func(topic string) string { return topic + "/+" })
	}},
	{dots, "`a.b` is another topic than `a/b`", topicsWithDots},
	{shared, "`consumerGroup`: each of 100 messages reaches one of two members, with MQTT 3.1.1, and with 5 where there is 5", func(b *bench) {
		best := b.version
		b.version = "3.1.1"
		group(b)
		if best == "5" {
			b.version = best
			group(b)
		}
	}},
	{session, "with `cleanSession: \"false\"` a component that is away for a while, and one that is killed amid 500 messages, loses none", func(b *bench) {
		away(b, nil)
		killed(b)
	}},
	{sessionDisk, "the same when the broker restarts meanwhile", func(b *bench) {
		away(b, func() {
			b.broker.stop(b.t)
			b.broker.start(b.t)
		})
	}},
	{restart, "after a restart of the broker messages flow again, both ways", brokerRestart},
	{failover, "a second broker in `url` is used when the first one ends", secondURL},
	{large, "a payload of 1 MiB, both ways", largePayload},
	{properties, "user properties, content type, correlation data, both ways", userProperties},
	{expiry, "a message with `ttlInSeconds` that waits for longer does not come", expires},
	{reasons, "PUBACK says that nobody has subscribed (0x10)", reasonCodes},
	{checked, "the command `check` finds nothing wrong", check},
	{encrypted, "`ssl://`", func(b *bench) {
		b.broker = startNode(b.broker.owner, b.broker.adapter, b.broker.cache, true)
		defer b.broker.Kill()
		roundTrip(b, "1")
	}},
}

// roundTrip sends from a device to the app and back, with the QoS kept.
func roundTrip(b *bench, qos string) {
	topic := unique("round") + "/" + qos
	c := b.open(map[string]string{"qos": qos})
	c.subscribe(topic + "/in")
	d := b.device()
	level, _ := strconv.Atoi(qos)
	d.listen(topic+"/out", byte(level))
	for n := range 10 {
		payload := fmt.Appendf(nil, "message %d", n)
		d.send(topic+"/in", byte(level), false, payload)
		message := c.next()
		require.Equal(b.t, payload, message.Data)
		require.Equal(b.t, qos, message.Metadata["mqtt-qos"], "QoS at the app")

		c.publish(topic+"/out", payload, nil)
		out := d.next()
		require.Equal(b.t, payload, out.Payload())
		require.Equal(b.t, byte(level), out.Qos(), "QoS at the device")
	}
}

func wildcards(b *bench) {
	topic := unique("wild")
	c := b.open(nil)
	c.ask(topic + "/+/state")
	c.subscribe(topic + "/deep/#")
	d := b.device()
	for _, real := range []string{topic + "/one/state", topic + "/two/state", topic + "/deep/1/2/3"} {
		d.send(real, 1, false, []byte(real))
		message := c.next()
		require.Equal(b.t, real, string(message.Data))
		require.Equal(b.t, real, message.Metadata["mqtt-topic"])
	}
}

// dotInTopic: also where the broker delivers it with a slash.
func dotInTopic(b *bench) {
	topic := unique("dot") + ".v1"
	c := b.open(nil)
	c.subscribe(topic)
	b.device().send(topic, 1, false, []byte("dot"))
	message := c.next()
	require.Equal(b.t, "dot", string(message.Data))
	require.Equal(b.t, topic, message.Topic, "the subscription that daprd knows")
}

func retain(b *bench, filter func(topic string) string) {
	topic := unique("retained")
	d := b.device()
	d.send(topic+"/a", 1, true, []byte("by a device"))
	c := b.open(nil)
	c.subscribe(filter(topic))
	message := c.next()
	require.Equal(b.t, "by a device", string(message.Data))
	require.Equal(b.t, "true", message.Metadata["mqtt-retained"])

	c.publish(topic+"/out/a", []byte("by the app"), map[string]string{"retain": "true"})
	d.listen(filter(topic+"/out"), 1)
	out := d.next()
	require.Equal(b.t, "by the app", string(out.Payload()))
	require.True(b.t, out.Retained())
	for _, used := range []string{topic + "/a", topic + "/out/a"} {
		d.send(used, 1, true, nil)
	}
}

func topicsWithDots(b *bench) {
	topic := unique("dots")
	c := b.open(nil)
	c.ask(topic + "/v1")
	c.subscribe(topic + ".v1")
	d := b.device()
	d.send(topic+".v1", 1, false, []byte("dot"))
	message := c.next()
	require.Equal(b.t, "dot", string(message.Data))
	require.Equal(b.t, topic+".v1", message.Metadata["mqtt-topic"])
	require.Equal(b.t, topic+".v1", message.Topic)
	d.send(topic+"/v1", 1, false, []byte("slash"))
	message = c.next()
	require.Equal(b.t, "slash", string(message.Data))
	require.Equal(b.t, topic+"/v1", message.Topic)
}

func group(b *bench) {
	const messages = 100
	topic := unique("shared")
	extra := map[string]string{"consumerGroup": "workers"}
	one, two := b.open(extra), b.open(extra)
	one.subscribe(topic)
	two.subscribe(topic)
	b.device().sendMany(topic, messages, nil)
	seen := map[string]int{}
	for end := time.After(b.patience); len(seen) < messages; {
		select {
		case message := <-one.got:
			seen[string(message.Data)]++
		case message := <-two.got:
			seen[string(message.Data)]++
		case <-end:
			b.t.Fatalf("%d of %d messages reached the group within %s", len(seen), messages, b.patience)
		}
	}
	for data, times := range seen {
		require.Equal(b.t, 1, times, "%s came to both", data)
	}
}

// warning: a consumerGroup that the broker takes for a topic is warned of, and no other. What the component
// sends to find out reaches no app that uses the component.
func warning(b *bench) {
	const warns, sees = "treats $share/... as an ordinary topic and has no shared", "treats $share/... as an ordinary topic"
	all := b.open(nil)
	all.subscribe("#")
	member := b.open(map[string]string{"consumerGroup": "workers"})
	member.ask(unique("jobs"))
	if b.broker.adapter.shareEndsConnection {
		b.component.WaitFor(b.t, "the broker closed the connection twice on this subscription", 0)
	} else {
		b.component.WaitFor(b.t, sees, 0)
	}
	warned := b.component.Count(warns, 0) > 0
	require.Equal(b.t, b.broker.adapter.shareIsATopic, warned, "warned of consumerGroup")
	all.publish(unique("end"), []byte("end"), nil)
	for {
		data := string(all.next().Data)
		require.NotContains(b.t, data, "shared subscriptions")
		if data == "end" {
			require.Zero(b.t, b.component.Count("matches no subscription", 0), "the message of the check was seen")
			return
		}
	}
}

// away: a component that is stopped gets what came meanwhile.
func away(b *bench, meanwhile func()) {
	const messages = 50
	topic := unique("away")
	persistent := map[string]string{"cleanSession": "false", "consumerID": unique("persistent")}
	c := b.open(persistent)
	c.subscribe(topic)
	require.Zero(b.t, b.component.Terminate(b.t), "the component's exit code")
	b.device().sendMany(topic, messages, nil)
	if meanwhile != nil {
		meanwhile()
	}
	b.component.Start(b.t)
	c = b.open(persistent)
	c.ask(topic)
	c.all(messages)
}

// killed: a component that is killed amid messages gets all of them, some perhaps twice.
func killed(b *bench) {
	const messages = 500
	topic := unique("killed")
	persistent := map[string]string{"cleanSession": "false", "consumerID": unique("killed")}
	c := b.open(persistent)
	c.subscribe(topic)
	d := b.device()
	seen := map[string]int{}
	d.sendMany(topic, messages, func(n int) {
		if n == messages/2 {
			seen = c.all(messages / 10)
			b.component.Crash(b.t)
		}
	})
	for len(c.got) > 0 { // what it had handed over before
		message := <-c.got
		seen[string(message.Data)]++
	}
	c = b.open(persistent)
	c.ask(topic)
	for end := time.After(b.patience); len(seen) < messages; {
		select {
		case message := <-c.got:
			seen[string(message.Data)]++
		case <-end:
			b.t.Fatalf("%d of %d messages came within %s", len(seen), messages, b.patience)
		}
	}
}

func brokerRestart(b *bench) {
	topic := unique("restart")
	c := b.open(nil)
	c.subscribe(topic + "/in")
	b.broker.stop(b.t)
	b.broker.start(b.t)
	// Waits for the connection, and then for the subscription.
	c.publish(topic+"/first", []byte("x"), nil)
	d := b.device()
	d.listen(topic+"/out", 1)
	harness.Until(b.t, "the subscription is in force again", func() bool {
		d.send(topic+"/in", 1, false, []byte("again"))
		select {
		case <-c.got:
			return true
		case <-time.After(200 * time.Millisecond):
			return false
		}
	})
	c.publish(topic+"/out", []byte("out"), nil)
	require.Equal(b.t, "out", string(d.next().Payload()))
}

func secondURL(b *bench) {
	second := startNode(b.broker.owner, b.broker.adapter, b.broker.cache, false)
	defer second.Kill()
	topic := unique("failover")
	c := b.open(map[string]string{"url": b.broker.url(b.version) + "," + second.url(b.version)})
	c.subscribe(topic + "/in")
	d := b.deviceAt(second)
	d.listen(topic+"/out", 1)
	b.broker.Kill()
	defer b.broker.start(b.t)
	c.publish(topic+"/out", []byte("out"), nil)
	require.Equal(b.t, "out", string(d.next().Payload()))
	harness.Until(b.t, "the subscription is in force at the second broker", func() bool {
		d.send(topic+"/in", 1, false, []byte("in"))
		select {
		case <-c.got:
			return true
		case <-time.After(200 * time.Millisecond):
			return false
		}
	})
}

func largePayload(b *bench) {
	topic := unique("large")
	payload := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	c := b.open(nil)
	c.subscribe(topic + "/in")
	d := b.device()
	d.listen(topic+"/out", 1)
	d.send(topic+"/in", 1, false, payload)
	require.True(b.t, bytes.Equal(payload, c.next().Data), "the app got something else")
	c.publish(topic+"/out", payload, nil)
	require.True(b.t, bytes.Equal(payload, d.next().Payload()), "the device got something else")
}

func userProperties(b *bench) {
	b.version = "5"
	topic := unique("properties")
	c := b.open(nil)
	c.subscribe(topic + "/in")
	d := b.device5("")
	d.listen(topic + "/out")
	d.send(&paho.Publish{Topic: topic + "/in", QoS: 1, Payload: []byte("in"), Properties: &paho.PublishProperties{
		ContentType: "text/plain", CorrelationData: []byte("abc"), ResponseTopic: "answers/1",
		User: paho.UserProperties{{Key: "colour", Value: "red"}},
	}})
	message := c.next()
	require.Equal(b.t, "red", message.Metadata["mqtt-property-colour"])
	require.Equal(b.t, "YWJj", message.Metadata["mqtt-correlation-data"])
	require.Equal(b.t, "answers/1", message.Metadata["mqtt-response-topic"])

	c.publish(topic+"/out", []byte("out"), map[string]string{
		"mqtt-content-type": "text/plain", "mqtt-property-colour": "blue",
	})
	out := d.next()
	require.Equal(b.t, "text/plain", out.Properties.ContentType)
	require.Equal(b.t, "blue", out.Properties.User.Get("colour"))
}

func expires(b *bench) {
	b.version = "5"
	topic, name := unique("expiry"), unique("expiry")
	d := b.device5(name)
	d.listen(topic)
	d.leave()
	c := b.open(nil)
	c.publish(topic, []byte("short"), map[string]string{"ttlInSeconds": "1"})
	expired := time.After(2500 * time.Millisecond) // some brokers look once a second
	c.publish(topic, []byte("long"), map[string]string{"ttlInSeconds": "1000"})
	<-expired
	d = b.device5(name)
	out := d.next()
	require.Equal(b.t, "long", string(out.Payload))
	require.NotNil(b.t, out.Properties.MessageExpiry, "no expiry on the way on")
	require.LessOrEqual(b.t, *out.Properties.MessageExpiry, uint32(1000))
}

func reasonCodes(b *bench) {
	answer := b.device5("").send(&paho.Publish{Topic: unique("nobody"), QoS: 1, Payload: []byte("x")})
	require.Equal(b.t, byte(0x10), answer.ReasonCode)
}

func check(b *bench) {
	out, err := exec.Command(harness.Program(b.t), "check", b.broker.url("3.1.1")).CombinedOutput()
	b.t.Logf("%s", out)
	require.NoError(b.t, err, "check")
}

var _ testing.TB = (*attempt)(nil)
