package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// binary is neither JSON nor UTF-8.
var binary = []byte{0, 1, 0xff, '{', '\n', 0}

func TestCloudEvent_goes_out_as_JSON_and_comes_in_as_it_was(t *testing.T) {
	s := start(t, nil, nil, to("orders"))
	device := s.broker.Connect(t)
	device.Subscribe(t, "orders")

	s.daprd.PublishJSON(t, pubsub, "orders", map[string]any{"id": "17"})
	var sent map[string]any
	require.NoError(t, json.Unmarshal(device.Next(t).Payload(), &sent))
	require.Equal(t, map[string]any{"id": "17"}, sent["data"])
	require.Equal(t, "1.0", sent["specversion"])

	received := s.app.Next(t)
	require.Contains(t, received.Header.Get("content-type"), "application/cloudevents+json")
	require.Equal(t, sent, received.Event(t))
}

func TestRawPayload_goes_out_untouched(t *testing.T) {
	s := start(t, nil, nil)
	device := s.broker.Connect(t)
	device.Subscribe(t, "raw/#")
	for _, payload := range [][]byte{binary, {}} {
		s.daprd.Publish(t, pubsub, "raw/out", "application/octet-stream", payload, "metadata.rawPayload=true")
		message := device.Next(t)
		require.Equal(t, "raw/out", message.Topic())
		require.Equal(t, payload, message.Payload())
	}
}

func TestRawPayload_comes_in_untouched(t *testing.T) {
	s := start(t, nil, nil, to("raw/in", "rawPayload", "true"))
	device := s.broker.Connect(t)
	for _, payload := range [][]byte{binary, []byte("21.5")} {
		device.Publish(t, "raw/in", payload)
		data, err := base64.StdEncoding.DecodeString(s.app.Next(t).Event(t)["data_base64"].(string))
		require.NoError(t, err)
		require.Equal(t, payload, data)
	}
}

func TestOversize_message_is_given_up_and_the_next_one_arrives(t *testing.T) {
	s := start(t, nil, nil, to("raw/in", "rawPayload", "true"))
	device := s.broker.Connect(t)
	// daprd's client takes 4 MiB with topic and metadata, and closes the stream
	// for good on more.
	for _, size := range []int{5 << 20, 4<<20 - 1} {
		device.Publish(t, "raw/in", make([]byte, size))
	}
	device.Publish(t, "raw/in", []byte("small"))
	require.Equal(t, base64.StdEncoding.EncodeToString([]byte("small")), s.app.Next(t).Event(t)["data_base64"])
	requireAll(t, s.component.String(), "raw/in", fmt.Sprint(5<<20))
	require.NotContains(t, s.daprd.String(), "Failed to receive pubsub message")
}

func TestRetain_by_request_keeps_the_message_for_later_subscribers(t *testing.T) {
	s := start(t, nil, nil)
	s.daprd.PublishJSON(t, pubsub, "state", "on", "metadata.retain=true")

	device := s.broker.Connect(t)
	device.Subscribe(t, "state")
	require.True(t, device.Next(t).Retained())

	app := startLate(t, s, to("state"))
	received := app.Next(t)
	require.Equal(t, "on", received.Event(t)["data"])
	require.Equal(t, "true", received.Header.Get("retained"))
	require.Equal(t, "true", received.Header.Get("mqtt-retained"))
}
