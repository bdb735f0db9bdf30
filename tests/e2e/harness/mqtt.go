package harness

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// MQTT is a client of the test's own: the device at the other end.
type MQTT struct {
	client   mqtt.Client
	messages chan mqtt.Message
}

// Connect returns a connected client with user and password as the broker wants
// them, and with identity where it asks for certificates.
func (b *Broker) Connect(t testing.TB, identity ...Identity) *MQTT {
	t.Helper()
	options := mqtt.NewClientOptions().AddBroker(b.URL()).
		SetClientID(fmt.Sprintf("device-%d", time.Now().UnixNano())).
		SetUsername(b.options.User).SetPassword(b.options.Password).
		SetAutoReconnect(false).SetConnectTimeout(Deadline)
	if b.ca != "" {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM([]byte(b.ca))
		config := &tls.Config{RootCAs: roots}
		for _, id := range identity {
			pair, err := tls.X509KeyPair([]byte(id.CertPEM), []byte(id.KeyPEM))
			if err != nil {
				t.Fatal(err)
			}
			config.Certificates = append(config.Certificates, pair)
		}
		options.SetTLSConfig(config)
	}
	m := &MQTT{client: mqtt.NewClient(options), messages: make(chan mqtt.Message, 10_000)}
	settle(t, "connect", m.client.Connect())
	t.Cleanup(func() { m.client.Disconnect(0) })
	return m
}

// Publish returns when the broker has taken the message (qos 1).
func (m *MQTT) Publish(t testing.TB, topic string, payload []byte) {
	t.Helper()
	settle(t, "publish", m.client.Publish(topic, 1, false, payload))
}

// PublishMany publishes count messages (qos 1), so many at a time.
func (m *MQTT) PublishMany(t testing.TB, topic string, payload []byte, count, ahead int) {
	t.Helper()
	m.PublishEach(t, count, ahead, func(int) (string, []byte) { return topic, payload })
}

// PublishEach is PublishMany with a topic and payload for each, in order.
func (m *MQTT) PublishEach(t testing.TB, count, ahead int, message func(n int) (string, []byte)) {
	t.Helper()
	open := make([]mqtt.Token, 0, ahead)
	for n := range count {
		if len(open) == ahead {
			settle(t, "publish", open[0])
			open = open[1:]
		}
		topic, payload := message(n)
		open = append(open, m.client.Publish(topic, 1, false, payload))
	}
	for _, token := range open {
		settle(t, "publish", token)
	}
}

// Subscribe returns when the subscription is in force.
func (m *MQTT) Subscribe(t testing.TB, filter string) {
	t.Helper()
	settle(t, "subscribe", m.client.Subscribe(filter, 2, func(_ mqtt.Client, message mqtt.Message) {
		m.messages <- message
	}))
}

// Next waits for a message on one of the subscriptions.
func (m *MQTT) Next(t testing.TB) mqtt.Message {
	t.Helper()
	select {
	case message := <-m.messages:
		return message
	case <-time.After(Deadline):
		t.Fatalf("no MQTT message within %s", Deadline)
		return nil
	}
}

func settle(t testing.TB, what string, token mqtt.Token) {
	t.Helper()
	if !token.WaitTimeout(Deadline) {
		t.Fatalf("MQTT %s: no answer within %s", what, Deadline)
	}
	if err := token.Error(); err != nil {
		t.Fatalf("MQTT %s: %v", what, err)
	}
}
