package e2e

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"
	v3 "github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dapr/components-contrib/metadata"
	contrib "github.com/dapr/components-contrib/pubsub"
	daprd "github.com/dapr/dapr/pkg/components/pubsub"
	"github.com/dapr/kit/logger"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

// Flags and properties as decoders of other projects read them from the packets
// that the component sends.

// traffic publishes one message to itself through a tap, and returns what went out.
func traffic(t *testing.T, payload string, component, publish, subscribe map[string]string) *harness.Tap {
	t.Helper()
	broker := harness.StartBroker(t, harness.BrokerOptions{})
	tap := harness.StartTap(t, broker)
	process := harness.StartComponent(t)
	client := daprd.NewGRPCPubSub(logger.NewLogger("daprd"), process.Socket)
	properties := map[string]string{
		"url": fmt.Sprintf("tcp://user:secret@127.0.0.1:%d", tap.Port), "consumerID": "wire",
		"cleanSession": "false", "keepAliveInterval": "45s",
		"willTopic": "gone", "willPayload": "bye", "willQos": "1", "willRetain": "true",
	}
	for key, value := range component {
		properties[key] = value
	}
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	require.NoError(t, client.Init(ctx, contrib.Metadata{Base: metadata.Base{Name: "wire", Properties: properties}}))
	t.Cleanup(func() { _ = client.Close() })
	arrived := make(chan struct{}, 1)
	request := contrib.SubscribeRequest{Topic: "a/+", Metadata: subscribe}
	require.NoError(t, client.Subscribe(ctx, request, func(context.Context, *contrib.NewMessage) error {
		arrived <- struct{}{}
		return nil
	}))
	require.NoError(t, client.Publish(ctx, &contrib.PublishRequest{
		Topic: "a/b", Data: []byte(payload), PubsubName: "wire", Metadata: publish,
	}))
	select {
	case <-arrived:
	case <-time.After(30 * time.Second):
		t.Fatal("the message did not come back")
	}
	return tap
}

// each decodes every connection with read, and hands its packets to visit.
func each[P any](t *testing.T, tap *harness.Tap, read func(*bytes.Reader) (P, error), visit func(P)) {
	t.Helper()
	for _, sent := range tap.Sent() {
		reader := bytes.NewReader(sent)
		for reader.Len() > 0 {
			packet, err := read(reader)
			require.NoError(t, err)
			visit(packet)
		}
	}
}

func TestWire_MQTT5_flags_and_properties_are_what_was_asked_for(t *testing.T) {
	tap := traffic(t, "payload",
		map[string]string{"protocolVersion": "5", "sessionExpiryInterval": "24h", "consumerGroup": "team"},
		map[string]string{
			"qos": "1", "retain": "true", "ttlInSeconds": "60", "mqtt-content-type": "text/plain",
			"mqtt-response-topic": "answers", "mqtt-correlation-data": "AAE=", "mqtt-property-colour": "red",
		},
		map[string]string{"qos": "1", "retainAsPublished": "true", "retainHandling": "2"})

	var connects []*packets.Connect
	var subscribes []*packets.Subscribe
	var publishes []*packets.Publish
	read := func(r *bytes.Reader) (*packets.ControlPacket, error) { return packets.ReadPacket(r) }
	each(t, tap, read, func(packet *packets.ControlPacket) {
		switch content := packet.Content.(type) {
		case *packets.Connect:
			connects = append(connects, content)
		case *packets.Subscribe:
			subscribes = append(subscribes, content)
		case *packets.Publish:
			publishes = append(publishes, content)
		}
	})

	require.Len(t, connects, 2)
	for _, connect := range connects {
		assert.EqualValues(t, 5, connect.ProtocolVersion)
		assert.EqualValues(t, 45, connect.KeepAlive)
		assert.Equal(t, "user", connect.Username)
		assert.Equal(t, "secret", string(connect.Password))
		if connect.ClientID != "wire" { // the publisher: nothing of it outlives its connection
			assert.True(t, strings.HasPrefix(connect.ClientID, "wire-pub-"), connect.ClientID)
			assert.True(t, connect.CleanStart)
			assert.Nil(t, connect.Properties.SessionExpiryInterval)
			assert.False(t, connect.WillFlag)
			continue
		}
		assert.False(t, connect.CleanStart)
		require.NotNil(t, connect.Properties.SessionExpiryInterval)
		assert.EqualValues(t, 24*60*60, *connect.Properties.SessionExpiryInterval)
		assert.True(t, connect.WillFlag)
		assert.True(t, connect.WillRetain)
		assert.EqualValues(t, 1, connect.WillQOS)
		assert.Equal(t, "gone", connect.WillTopic)
		assert.Equal(t, "bye", string(connect.WillMessage))
	}

	require.Len(t, subscribes, 1)
	require.Len(t, subscribes[0].Subscriptions, 1)
	subscription := subscribes[0].Subscriptions[0]
	assert.Equal(t, "$share/team/a/+", subscription.Topic)
	assert.EqualValues(t, 1, subscription.QoS)
	assert.True(t, subscription.RetainAsPublished)
	assert.EqualValues(t, 2, subscription.RetainHandling)
	assert.False(t, subscription.NoLocal, "a protocol error on a shared subscription (MQTT-3.8.3-4)")

	require.Len(t, publishes, 1)
	published := publishes[0]
	assert.Equal(t, "a/b", published.Topic)
	assert.Equal(t, "payload", string(published.Payload))
	assert.EqualValues(t, 1, published.QoS)
	assert.True(t, published.Retain)
	assert.False(t, published.Duplicate)
	require.NotNil(t, published.Properties.MessageExpiry)
	assert.EqualValues(t, 60, *published.Properties.MessageExpiry)
	assert.Equal(t, "text/plain", published.Properties.ContentType)
	assert.Equal(t, "answers", published.Properties.ResponseTopic)
	assert.Equal(t, []byte{0, 1}, published.Properties.CorrelationData)
	assert.Equal(t, []packets.User{{Key: "colour", Value: "red"}}, published.Properties.User)
}

func TestWire_MQTT5_binary_mode_is_what_CloudEvents_binding_says(t *testing.T) {
	tap := traffic(t, `{"specversion":"1.0","id":"1","source":"/s","type":"reading","datacontenttype":"text/plain","data":"ON"}`,
		map[string]string{"protocolVersion": "5"}, map[string]string{"cloudEvents": "binary"}, nil)
	found := 0
	read := func(r *bytes.Reader) (*packets.ControlPacket, error) { return packets.ReadPacket(r) }
	each(t, tap, read, func(packet *packets.ControlPacket) {
		published, ok := packet.Content.(*packets.Publish)
		if !ok {
			return
		}
		found++
		assert.Equal(t, "ON", string(published.Payload))
		assert.Equal(t, "text/plain", published.Properties.ContentType)
		assert.ElementsMatch(t, []packets.User{
			{Key: "specversion", Value: "1.0"}, {Key: "id", Value: "1"}, {Key: "source", Value: "/s"},
			{Key: "type", Value: "reading"},
		}, published.Properties.User)
	})
	require.Equal(t, 1, found)
}

func TestWire_MQTT311_flags_are_what_was_asked_for(t *testing.T) {
	tap := traffic(t, "payload", nil, map[string]string{"qos": "2", "retain": "true"}, map[string]string{"qos": "1"})

	var connects []*v3.ConnectPacket
	var subscribes []*v3.SubscribePacket
	var publishes []*v3.PublishPacket
	read := func(r *bytes.Reader) (v3.ControlPacket, error) { return v3.ReadPacket(r) }
	each(t, tap, read, func(packet v3.ControlPacket) {
		switch content := packet.(type) {
		case *v3.ConnectPacket:
			connects = append(connects, content)
		case *v3.SubscribePacket:
			subscribes = append(subscribes, content)
		case *v3.PublishPacket:
			publishes = append(publishes, content)
		}
	})

	require.Len(t, connects, 2)
	for _, connect := range connects {
		assert.EqualValues(t, 4, connect.ProtocolVersion)
		assert.EqualValues(t, 45, connect.Keepalive)
		consumer := connect.ClientIdentifier == "wire"
		assert.Equal(t, !consumer, connect.CleanSession)
		assert.Equal(t, consumer, connect.WillFlag)
		if consumer {
			assert.Equal(t, "gone", connect.WillTopic)
			assert.EqualValues(t, 1, connect.WillQos)
			assert.True(t, connect.WillRetain)
		}
	}
	require.Len(t, subscribes, 1)
	assert.Equal(t, []string{"a/+"}, subscribes[0].Topics)
	assert.Equal(t, []byte{1}, subscribes[0].Qoss)
	require.Len(t, publishes, 1)
	assert.EqualValues(t, 2, publishes[0].Qos)
	assert.True(t, publishes[0].Retain)
	assert.Equal(t, "payload", string(publishes[0].Payload))
}
