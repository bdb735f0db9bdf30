package brokers

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dapr/components-contrib/metadata"
	contrib "github.com/dapr/components-contrib/pubsub"
	"github.com/dapr/dapr/pkg/components/pubsub"
	"github.com/dapr/kit/logger"
	"github.com/eclipse/paho.golang/paho"
	mqtt "github.com/eclipse/paho.mqtt.golang"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

var counter atomic.Int64

// unique is a name that no other test has.
func unique(prefix string) string {
	return fmt.Sprintf("%s-%d-%d", prefix, time.Now().UnixNano(), counter.Add(1))
}

// bench is where one promise is tried: a component of its own, and a broker.
type bench struct {
	t         testing.TB
	broker    *node
	component *harness.Component
	version   string        // of MQTT, that the component speaks
	patience  time.Duration // for what should come
}

// client is one instance of the component, spoken to as daprd does.
type client struct {
	bench *bench
	contrib.PubSub
	got chan contrib.NewMessage
}

// open is Init with metadata on top of url, version and qos 1. Each instance has a
// consumerID of its own unless metadata says otherwise.
func (b *bench) open(extra map[string]string) *client {
	b.t.Helper()
	c, err := b.tryOpen(extra)
	if err != nil {
		b.t.Fatalf("Init: %v", err)
	}
	return c
}

func (b *bench) tryOpen(extra map[string]string) (*client, error) {
	all := map[string]string{"url": b.broker.url(b.version), "consumerID": unique("app"), "qos": "1",
		"protocolVersion": b.version}
	if b.broker.identity != nil {
		all["caCert"] = b.broker.identity.authority.CertPEM
	}
	maps.Copy(all, extra)
	c := &client{bench: b, got: make(chan contrib.NewMessage, 100_000),
		PubSub: pubsub.NewGRPCPubSub(quiet(), b.component.Socket)}
	ctx, cancel := context.WithTimeout(context.Background(), harness.Deadline)
	defer cancel()
	if err := c.Init(ctx, contrib.Metadata{Base: metadata.Base{Name: "mqtt-pubsub", Properties: all}}); err != nil {
		return nil, err
	}
	b.t.Cleanup(func() { _ = c.Close() })
	return c, nil
}

// quiet hides daprd's complaints about streams that a test ends.
func quiet() logger.Logger {
	l := logger.NewLogger("daprd")
	l.SetOutputLevel(logger.FatalLevel)
	return l
}

// subscribe returns when the broker has answered the subscription: the component lets
// no publish overtake it.
func (c *client) subscribe(topic string) {
	c.bench.t.Helper()
	c.ask(topic)
	c.publish("settled/"+topicOnly(topic), []byte("x"), nil)
}

// ask subscribes without waiting.
func (c *client) ask(topic string) {
	c.bench.t.Helper()
	err := c.Subscribe(context.Background(), contrib.SubscribeRequest{Topic: topic},
		func(_ context.Context, message *contrib.NewMessage) error {
			c.got <- *message
			return nil
		})
	if err != nil {
		c.bench.t.Fatalf("subscribe: %v", err)
	}
}

// topicOnly makes a topic of a filter.
func topicOnly(filter string) string {
	out := []byte(filter)
	for i, c := range out {
		if c == '+' || c == '#' || c == '$' {
			out[i] = '_'
		}
	}
	return string(out)
}

// publish returns when the broker has taken the message.
func (c *client) publish(topic string, data []byte, metadata map[string]string) {
	c.bench.t.Helper()
	if err := c.tryPublish(topic, data, metadata); err != nil {
		c.bench.t.Fatalf("publish: %v", err)
	}
}

func (c *client) tryPublish(topic string, data []byte, metadata map[string]string) error {
	ctx, cancel := context.WithTimeout(context.Background(), harness.Deadline)
	defer cancel()
	return c.Publish(ctx, &contrib.PublishRequest{Topic: topic, Data: data, Metadata: metadata})
}

// next waits for a message at the app.
func (c *client) next() contrib.NewMessage {
	c.bench.t.Helper()
	select {
	case message := <-c.got:
		return message
	case <-time.After(c.bench.patience):
		c.bench.t.Fatalf("nothing reached the app within %s", c.bench.patience)
		return contrib.NewMessage{}
	}
}

// all waits until so many different messages have come, and returns how often each did.
func (c *client) all(count int) map[string]int {
	c.bench.t.Helper()
	seen := map[string]int{}
	for end := time.After(c.bench.patience); len(seen) < count; {
		select {
		case message := <-c.got:
			seen[string(message.Data)]++
		case <-end:
			c.bench.t.Fatalf("%d of %d messages reached the app within %s", len(seen), count, c.bench.patience)
		}
	}
	return seen
}

// device is a client of MQTT 3.1.1 at the other end.
type device struct {
	bench *bench
	mqtt.Client
	got chan mqtt.Message
}

func (b *bench) device() *device { return b.deviceAt(b.broker) }

func (b *bench) deviceAt(n *node) *device {
	b.t.Helper()
	options := mqtt.NewClientOptions().AddBroker(n.url("3.1.1")).SetClientID(unique("device")).
		SetAutoReconnect(false).SetConnectTimeout(harness.Deadline).SetOrderMatters(true)
	if n.identity != nil {
		options.SetTLSConfig(n.tlsConfig())
	}
	d := &device{bench: b, Client: mqtt.NewClient(options), got: make(chan mqtt.Message, 100_000)}
	d.settle("connect", d.Connect())
	b.t.Cleanup(func() { d.Disconnect(0) })
	return d
}

func (d *device) send(topic string, qos byte, retain bool, payload []byte) {
	d.bench.t.Helper()
	d.settle("publish", d.Publish(topic, qos, retain, payload))
}

// sendMany sends count different messages, 16 of them at a time; each is called before.
func (d *device) sendMany(topic string, count int, each func(n int)) {
	d.bench.t.Helper()
	var open []mqtt.Token
	for n := range count {
		if each != nil {
			each(n)
		}
		if len(open) == 16 {
			d.settle("publish", open[0])
			open = open[1:]
		}
		open = append(open, d.Publish(topic, 1, false, fmt.Appendf(nil, "message %d", n)))
	}
	for _, token := range open {
		d.settle("publish", token)
	}
}

func (d *device) listen(filter string, qos byte) {
	d.bench.t.Helper()
	d.settle("subscribe", d.Subscribe(filter, qos, func(_ mqtt.Client, message mqtt.Message) { d.got <- message }))
}

func (d *device) next() mqtt.Message {
	d.bench.t.Helper()
	select {
	case message := <-d.got:
		return message
	case <-time.After(d.bench.patience):
		d.bench.t.Fatalf("nothing reached the device within %s", d.bench.patience)
		return nil
	}
}

func (d *device) settle(what string, token mqtt.Token) {
	d.bench.t.Helper()
	if !token.WaitTimeout(d.bench.patience) {
		d.bench.t.Fatalf("device: no answer to %s within %s", what, d.bench.patience)
	}
	if err := token.Error(); err != nil {
		d.bench.t.Fatalf("device: %s: %v", what, err)
	}
}

// device5 is a client of MQTT 5. With a name it has a session that outlives it.
type device5 struct {
	bench *bench
	*paho.Client
	got chan *paho.Publish
}

func (b *bench) device5(name string) *device5 {
	b.t.Helper()
	d := &device5{bench: b, got: make(chan *paho.Publish, 1000)}
	conn, err := b.broker.dial(b.broker.port5)
	if err != nil {
		b.t.Fatalf("device: %v", err)
	}
	b.t.Cleanup(func() { _ = conn.Close() })
	if secured, is := conn.(*tls.Conn); is {
		conn = tlsConn{secured}
	}
	d.Client = paho.NewClient(paho.ClientConfig{Conn: conn, PacketTimeout: b.patience,
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){func(r paho.PublishReceived) (bool, error) {
			d.got <- r.Packet
			return true, nil
		}}})
	connect := &paho.Connect{ClientID: name, KeepAlive: 60, CleanStart: false,
		Properties: &paho.ConnectProperties{SessionExpiryInterval: new(uint32), RequestProblemInfo: true}}
	if name == "" {
		connect.ClientID, connect.CleanStart = unique("device5"), true
	} else {
		*connect.Properties.SessionExpiryInterval = 3600
	}
	ctx, cancel := context.WithTimeout(context.Background(), b.patience)
	defer cancel()
	answer, err := d.Connect(ctx, connect)
	if err != nil {
		b.t.Fatalf("device, MQTT 5: %v", err)
	}
	if answer.ReasonCode != 0 {
		b.t.Fatalf("device, MQTT 5: refused with 0x%02x", answer.ReasonCode)
	}
	return d
}

// tlsConn: paho wants to know that writing from several threads is safe.
type tlsConn struct{ *tls.Conn }

func (d *device5) listen(filter string) {
	d.bench.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d.bench.patience)
	defer cancel()
	_, err := d.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: filter, QoS: 1}}})
	if err != nil {
		d.bench.t.Fatalf("device, MQTT 5: subscribe: %v", err)
	}
}

func (d *device5) send(message *paho.Publish) *paho.PublishResponse {
	d.bench.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d.bench.patience)
	defer cancel()
	response, err := d.Publish(ctx, message)
	if err != nil {
		d.bench.t.Fatalf("device, MQTT 5: publish: %v", err)
	}
	return response
}

func (d *device5) leave() { _ = d.Disconnect(&paho.Disconnect{}) }

func (d *device5) next() *paho.Publish {
	d.bench.t.Helper()
	select {
	case message := <-d.got:
		return message
	case <-time.After(d.bench.patience):
		d.bench.t.Fatalf("nothing reached the device within %s", d.bench.patience)
		return nil
	}
}
