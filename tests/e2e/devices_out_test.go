package e2e

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

// What devices get of what apps publish.

func TestDevices_get_the_data_alone(t *testing.T) {
	s := start(t, map[string]string{"publishPayload": "data", "retain": "true"}, nil)
	for name, c := range map[string]struct{ contentType, sent, wanted string }{
		"text":   {"text/plain", "ON", "ON"},
		"json":   {"application/json", `{"n":1.50,"big":12345678901234567890}`, `{"big":12345678901234567890,"n":1.50}`},
		"number": {"application/json", "21.5", "21.5"},
		"bytes":  {"application/octet-stream", string(binary), string(binary)},
	} {
		s.daprd.Publish(t, pubsub, "lamps/"+name, c.contentType, []byte(c.sent))
		device := s.broker.Connect(t) // later: the topic's state is retained
		device.Subscribe(t, "lamps/"+name)
		message := device.Next(t)
		require.True(t, message.Retained())
		require.Equal(t, c.wanted, string(message.Payload()), name)
	}
	s.daprd.Publish(t, pubsub, "lamps/event", "text/plain", []byte("ON"), "metadata.publishPayload=event")
	device := s.broker.Connect(t)
	device.Subscribe(t, "lamps/event")
	require.Contains(t, string(device.Next(t).Payload()), `"specversion"`)
}

// What one app publishes in binary mode, another reads as the event it was.
func TestDevices_binary_mode_goes_both_ways(t *testing.T) {
	s := start(t, five(autoEvents(nil)), nil, to("orders"))
	device := s.broker.Listen5(t, "orders", "<%p|%C|%P>")
	s.daprd.Publish(t, pubsub, "orders", "application/octet-stream", binary[:4], "metadata.cloudEvents=binary",
		"metadata.cloudevent.type=com.example.order", "metadata.cloudevent.id=o-1")
	event := s.app.Next(t).Event(t)
	require.Equal(t, "com.example.order", event["type"])
	require.Equal(t, "o-1", event["id"])
	require.Equal(t, base64.StdEncoding.EncodeToString(binary[:4]), event["data_base64"])
	require.Equal(t, "orders", event["topic"])
	device.WaitFor(t, "|application/octet-stream|", 0)
	device.WaitFor(t, "id:o-1", 0)
}

func TestTrace_of_a_publisher_reaches_a_device(t *testing.T) {
	s := start(t, five(nil), nil)
	device := s.broker.Listen5(t, "out/#", "<%t|%C|%P>")
	for topic, query := range map[string]string{"event": "qos=1", "data": "publishPayload=data"} {
		target := fmt.Sprintf("http://127.0.0.1:%d/v1.0/publish/%s/out%%2F%s?metadata.%s", s.daprd.HTTPPort, pubsub, topic, query)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader("ON"))
		require.NoError(t, err)
		request.Header.Set("content-type", "text/plain")
		request.Header.Set("traceparent", "00-"+traceID+"-b7ad6b7169203331-01") // the app's call
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusNoContent, response.StatusCode)
	}
	for _, line := range []string{`<out/event\|application/cloudevents\+json; charset=utf-8\|`, `<out/data\|text/plain\|`} {
		pattern := regexp.MustCompile(line + "[^\n]*traceparent:00-" + traceID + "-")
		harness.Until(t, line, func() bool { return pattern.MatchString(device.String()) })
	}
}
