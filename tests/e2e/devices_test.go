package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	dapr "github.com/dapr/go-sdk/client"
	"github.com/stretchr/testify/require"

	runtimev1 "github.com/dapr/dapr/pkg/proto/runtime/v1"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

// What arrives at apps of what devices send. The table in docs/howto-devices.md is made of this:
// with DAPR_MQTT_RENEW_GOLDEN=1 the test writes it.

// devicePayload is what a device sends, with properties as for Broker.Publish5.
type devicePayload struct {
	name, topic, bytes string
	properties         [][]string
}

const structured = `{"specversion":"1.0","id":"e1","source":"/d","type":"reading","datacontenttype":"application/json","data":{"t":21}}`

func devicePayloads() []devicePayload {
	user := func(name, value string) []string { return []string{"user-property", name, value} }
	return []devicePayload{
		{"`{\"t\":21}`", "object", `{"t":21}`, nil},
		{"`[1,2]`", "array", `[1,2]`, nil},
		{"`21.5`", "number", `21.5`, nil},
		{"`ON`", "text", `ON`, nil},
		{"nothing", "empty", ``, nil},
		{"the bytes FF 00 01", "bytes", "\xff\x00\x01", nil},
		{"3 MiB of text", "large", strings.Repeat("0123456789abcdef", 3<<16), nil},
		{"a CloudEvent (structured)", "structured", structured, nil},
		{"a CloudEvent (structured, declared)", "declared", structured,
			[][]string{{"content-type", "application/cloudevents+json"}}},
		{"a CloudEvent (binary, of `{\"t\":21}`)", "binary", `{"t":21}`, [][]string{
			user("specversion", "1.0"), user("id", "e1"), user("source", "/d"), user("type", "reading"),
			{"content-type", "application/json"}}},
		{"`21.5`, declared as text/plain", "declared-text", `21.5`, [][]string{{"content-type", "text/plain"}}},
		{"`ON`, user property colour: red", "property", `ON`, [][]string{user("colour", "red")}},
	}
}

// shorten keeps the table readable.
func shorten(text string) string {
	if text == "" {
		return "nothing"
	}
	if len(text) > 100 {
		return fmt.Sprintf("%d characters", len(text))
	}
	return "`" + text + "`"
}

// httpCell says what an HTTP app got.
func httpCell(t *testing.T, body []byte) string {
	t.Helper()
	var event struct {
		SpecVersion     string          `json:"specversion"`
		DataContentType string          `json:"datacontenttype"`
		Data            json.RawMessage `json:"data"`
		Base64          string          `json:"data_base64"`
		PropColour      string          `json:"propcolour"`
	}
	require.NoError(t, json.Unmarshal(body, &event))
	switch {
	case event.SpecVersion == "":
		return "the object itself"
	case event.Data == nil:
		return fmt.Sprintf("base64 %s (%s)", shorten(event.Base64), event.DataContentType)
	case event.PropColour != "":
		return fmt.Sprintf("%s (%s), propcolour `%s`", shorten(string(event.Data)), event.DataContentType, event.PropColour)
	default:
		return fmt.Sprintf("%s (%s)", shorten(string(event.Data)), event.DataContentType)
	}
}

// sdkCell says what a streaming app of the Go SDK got.
func sdkCell(message *dapr.SubscriptionMessage) string {
	switch {
	case message.DataContentType == "":
		return fmt.Sprintf("%d bytes, no type", len(message.RawData))
	case strings.HasPrefix(message.DataContentType, "application/octet-stream"):
		return fmt.Sprintf("%d bytes (%s)", len(message.RawData), message.DataContentType)
	default:
		return fmt.Sprintf("%s (%s)", shorten(string(message.RawData)), message.DataContentType)
	}
}

// goClient is a client of the Go SDK for a sidecar.
func goClient(t *testing.T, d *harness.Daprd) dapr.Client {
	t.Helper()
	client, err := dapr.NewClientWithAddress(fmt.Sprintf("127.0.0.1:%d", d.GRPCPort))
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

func TestDevices_payloads_arrive_as_the_table_in_the_docs_says(t *testing.T) {
	modes := []struct {
		name     string
		metadata map[string]string
	}{
		{"pass", map[string]string{"cloudEvents": "pass"}},
		{"auto", map[string]string{"cloudEvents": "auto"}},
		{"raw", map[string]string{"rawPayload": "true"}},
	}
	var subscriptions []harness.Subscription
	for _, mode := range modes {
		subscription := to(mode.name+"/http/+", "qos", "1")
		for key, value := range mode.metadata {
			subscription.Metadata[key] = value
		}
		subscriptions = append(subscriptions, subscription)
	}
	s := start(t, five(nil), nil, subscriptions...)
	client := goClient(t, s.daprd)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	streamed := make(chan *dapr.SubscriptionMessage)
	for _, mode := range modes {
		mark := s.broker.Mark()
		filter := mode.name + "/sdk/+"
		stream, err := client.Subscribe(ctx, dapr.SubscriptionOptions{PubsubName: pubsub, Topic: filter, Metadata: mode.metadata})
		require.NoError(t, err)
		s.broker.WaitSubscribed(t, filter, mark)
		go func() {
			for {
				message, err := stream.Receive()
				if err != nil {
					return
				}
				streamed <- message
			}
		}()
	}

	table := "| a device sends | `pass`: HTTP app | streaming app | `auto`: HTTP app | streaming app | `rawPayload`: HTTP app | streaming app |\n" +
		"|---|---|---|---|---|---|---|\n"
	for _, payload := range devicePayloads() {
		table += "| " + payload.name
		for _, mode := range modes {
			mark := s.daprd.Mark()
			topic := mode.name + "/http/" + payload.topic
			s.broker.Publish5(t, topic, payload.bytes, payload.properties...)
			table += " | "
			select {
			case received := <-s.app.Received():
				table += httpCell(t, received.Body)
			case <-refused(t, s.daprd, mode.name+"/http/+", mark):
				table += "dropped"
			case <-time.After(harness.Deadline):
				t.Fatalf("nothing came of %s", topic)
			}
			topic = mode.name + "/sdk/" + payload.topic
			s.broker.Publish5(t, topic, payload.bytes, payload.properties...)
			table += " | "
			select {
			case message := <-streamed:
				table += sdkCell(message)
				require.NoError(t, message.Success())
			case <-refused(t, s.daprd, mode.name+"/sdk/+", mark):
				table += "dropped"
			case <-time.After(harness.Deadline):
				t.Fatalf("nothing came of %s", topic)
			}
		}
		table += " |\n"
	}
	requireTable(t, "../../docs/howto-devices.md", "payloads", table)
	require.Contains(t, s.component.String(), "is no CloudEvent, and daprd will refuse it")
}

// refused is closed when daprd has dropped a message of a subscription, after position from.
func refused(t *testing.T, daprd *harness.Daprd, filter string, from int) <-chan struct{} {
	t.Helper()
	done := make(chan struct{})
	go func() {
		for {
			text, grown := daprd.Since(from)
			if strings.Contains(text, "error deserializing cloud event in pubsub "+pubsub+" and topic "+filter+":") {
				close(done)
				return
			}
			select {
			case <-grown:
			case <-t.Context().Done():
				return
			}
		}
	}()
	return done
}

// requireTable compares what stands between two comments of a page, or writes it there.
func requireTable(t *testing.T, page, name, table string) {
	t.Helper()
	content, err := os.ReadFile(filepath.FromSlash(page))
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(content), "<!-- "+name+": made by a test -->\n")
	require.True(t, found)
	old, after, found := strings.Cut(rest, "<!-- "+name+": end -->\n")
	require.True(t, found)
	if os.Getenv("DAPR_MQTT_RENEW_GOLDEN") != "" {
		text := before + "<!-- " + name + ": made by a test -->\n" + table + "<!-- " + name + ": end -->\n" + after
		require.NoError(t, os.WriteFile(page, []byte(text), 0o600))
		return
	}
	require.Equal(t, old, table, "with DAPR_MQTT_RENEW_GOLDEN=1 this test writes it")
}

func TestDevices_python_app_reads_payloads_and_topics(t *testing.T) {
	python := os.Getenv("PYTHON_WITH_DAPR") // run_go.sh installs the SDK
	if _, err := os.Stat(python); err != nil {
		require.NotEqual(t, "true", os.Getenv("CI"), "Dapr's Python SDK could not be installed")
		t.Skip("Dapr's Python SDK could not be installed")
	}
	s := start(t, autoEvents(nil), nil)
	mark := s.broker.Mark()
	app := harness.StartProgram(t, "python app", "testdata",
		[]string{fmt.Sprintf("DAPR_GRPC_PORT=%d", s.daprd.GRPCPort), fmt.Sprintf("DAPR_HTTP_PORT=%d", s.daprd.HTTPPort)},
		python, "subscriber.py", pubsub, "devices/#")
	s.broker.WaitSubscribed(t, "devices/#", mark)
	device := s.broker.Connect(t)
	for payload, line := range map[string]string{
		"21.5":     `{"data": 21.5, "bytes": "32312e35", "type": "application/json", "subject": "devices/7"}`,
		"ON":       `{"data": "ON", "bytes": "4f4e", "type": "text/plain", "subject": "devices/7"}`,
		"\xff\x00": `{"data": null, "bytes": "ff00", "type": "application/octet-stream", "subject": "devices/7"}`,
	} {
		device.Publish(t, "devices/7", []byte(payload))
		app.WaitFor(t, line, 0)
	}
}

// autoEvents is metadata that makes events of what is none.
func autoEvents(more map[string]string) map[string]string {
	all := map[string]string{"cloudEvents": "auto"}
	for key, value := range more {
		all[key] = value
	}
	return all
}

func TestDevices_are_routed_by_their_real_topic(t *testing.T) {
	subscription := to("devices/#", "topicPattern", "devices/{device}/{measure}", "cloudEventType", "com.example.reading")
	subscription.Route = ""
	subscription.Routes = &harness.Routes{
		Rules: []harness.Rule{
			{Match: `event.subject.startsWith("devices/7/")`, Path: "/seven"},
			{Match: `has(event.measure) && event.measure == "humidity"`, Path: "/humidity"},
			{Match: `event.type == "com.example.reading" && event.mqttretained`, Path: "/retained"},
		},
		Default: "/others",
	}
	s := start(t, autoEvents(nil), nil, subscription)
	device := s.broker.Connect(t)
	for topic, path := range map[string]string{
		"devices/7/temperature": "/seven", "devices/8/humidity": "/humidity", "devices/8/temperature": "/others",
		"devices": "/others",
	} {
		device.Publish(t, topic, []byte("21.5"))
		received := s.app.Next(t)
		require.Equal(t, path, received.Path, topic)
		event := received.Event(t)
		require.Equal(t, topic, event["subject"])
		require.Equal(t, "devices/#", event["topic"])
		require.EqualValues(t, 21.5, event["data"])
		if levels := strings.Split(topic, "/"); len(levels) == 3 {
			require.Equal(t, levels[1], event["device"])
			require.Equal(t, levels[2], event["measure"])
		}
	}
}

func TestDevices_topicName_real_names_the_message_s_own_topic(t *testing.T) {
	s := start(t, autoEvents(nil), nil, to("devices/#", "topicName", "real"))
	s.broker.Connect(t).Publish(t, "devices/7", []byte("ON"))
	require.Equal(t, "devices/7", s.app.Next(t).Event(t)["topic"])
	// What it costs: a streaming subscription does not find itself by that name.
	client := goClient(t, s.daprd)
	_, err := client.Subscribe(t.Context(), dapr.SubscriptionOptions{PubsubName: pubsub, Topic: "lamps/#",
		Metadata: map[string]string{"topicName": "real"}})
	require.NoError(t, err)
	s.broker.WaitSubscribed(t, "lamps/#", 0)
	s.broker.Connect(t).Publish(t, "lamps/7", []byte("ON"))
	s.component.WaitFor(t, "no streamer subscribed", 0)
}

func TestDevices_event_ids_stay_the_same_over_retries_and_a_kill(t *testing.T) {
	s := start(t, autoEvents(map[string]string{"cleanSession": "false", "backOffMaxRetries": "-1", "backOffInterval": "100ms"}),
		failing(1_000_000), to("devices/#"))
	device := s.broker.Connect(t)
	device.Publish(t, "devices/7", []byte("ON"))
	first := s.app.Next(t).Event(t)
	require.NotEmpty(t, first["id"])
	require.Equal(t, first, s.app.Next(t).Event(t))

	s.component.Kill()
	s.daprd.Terminate(t)
	s.component.Start(t)
	app := harness.StartApp(t, nil, to("devices/#"))
	s.sidecar(t, appID, app)
	require.Equal(t, first, app.Next(t).Event(t))
	device.Publish(t, "devices/7", []byte("ON"))
	require.NotEqual(t, first["id"], app.Next(t).Event(t)["id"])
}

func TestDevices_in_bulk_arrive_as_events(t *testing.T) {
	var subscriptions []harness.Subscription
	for _, mode := range []string{"auto", "wrap"} {
		single := to(mode+"/single/+", "cloudEvents", mode)
		bulk := to(mode+"/bulk/+", "cloudEvents", mode)
		bulk.BulkSubscribe = &harness.BulkSubscribe{Enabled: true, MaxMessagesCount: 100, MaxAwaitDurationMs: 100}
		subscriptions = append(subscriptions, single, bulk)
	}
	s := start(t, five(nil), acceptRawEntries, subscriptions...)
	for _, payload := range devicePayloads() {
		send := func(topic string) harness.Received {
			s.broker.Publish5(t, topic+payload.topic, payload.bytes, payload.properties...)
			return s.app.Next(t)
		}
		for _, mode := range []string{"auto", "wrap"} {
			alone := httpCell(t, send(mode+"/single/").Body)
			entries := rawEntries(t, send(mode+"/bulk/").Body)
			require.Len(t, entries, 1)
			require.Equal(t, alone, httpCell(t, entries[0].Event), "%s, %s", mode, payload.name)
			if mode == "wrap" && payload.topic == "structured" {
				require.Contains(t, alone, fmt.Sprintf("%d characters", len(structured)), "an event is the data of another")
			}
		}
	}
}

type rawEntry struct {
	EntryID string          `json:"entryId"`
	Event   json.RawMessage `json:"event"`
}

func rawEntries(t *testing.T, body []byte) []rawEntry {
	t.Helper()
	var request struct {
		Entries []rawEntry `json:"entries"`
	}
	require.NoError(t, json.Unmarshal(body, &request))
	return request.Entries
}

// acceptRawEntries is acceptAll for data of any kind, and for what comes alone.
func acceptRawEntries(r harness.Received) (int, any) {
	var request struct {
		Entries []rawEntry `json:"entries"`
	}
	if err := json.Unmarshal(r.Body, &request); err != nil || len(request.Entries) == 0 {
		return http.StatusOK, nil
	}
	statuses := make([]map[string]string, 0, len(request.Entries))
	for _, entry := range request.Entries {
		statuses = append(statuses, map[string]string{"entryId": entry.EntryID, "status": "SUCCESS"})
	}
	return http.StatusOK, map[string]any{"statuses": statuses}
}

// A trace that is no text ends daprd's process when it reaches an HTTP app.
func TestDevices_payload_that_would_end_daprd_is_wrapped(t *testing.T) {
	s := start(t, nil, nil, to("plain/#"), to("auto/#", "cloudEvents", "auto"))
	payload := `{"specversion":"1.0","id":"1","source":"/d","type":"t","traceparent":5}`
	for _, topic := range []string{"plain/7", "auto/7"} {
		s.broker.Connect(t).Publish(t, topic, []byte(payload))
		require.EqualValues(t, 5, s.app.Next(t).Event(t)["data"].(map[string]any)["traceparent"])
	}
	require.True(t, s.daprd.Running())
	s.component.WaitFor(t, "could end daprd's process", 0)
}

func TestDevices_grpc_app_gets_data_and_topic(t *testing.T) {
	s := stack{broker: harness.StartBroker(t, harness.BrokerOptions{}), component: harness.StartComponent(t)}
	s.resources = harness.Resources(t, map[string]string{"pubsub.yaml": plain(s.broker, autoEvents(nil))})
	port := harness.UnusedPort(t)
	app := grpcApp{events: make(chan *runtimev1.TopicEventRequest, 10)}
	app.serve(t, fmt.Sprintf("127.0.0.1:%d", port))
	harness.StartDaprd(t, harness.DaprdOptions{
		AppID: appID, App: &harness.App{Port: port}, Component: s.component, Resources: s.resources,
		Args: []string{"--app-protocol", "grpc"},
	})
	s.broker.WaitSubscribed(t, "orders", 0)
	device := s.broker.Connect(t)
	for _, payload := range []string{`{"t":21}`, "ON", "", string(binary)} {
		device.Publish(t, "orders", []byte(payload))
		select {
		case event := <-app.events:
			require.Equal(t, payload, string(event.GetData()))
			require.Equal(t, "orders", event.GetExtensions().GetFields()["subject"].GetStringValue())
			require.NotEmpty(t, event.GetId())
		case <-time.After(harness.Deadline):
			t.Fatalf("%q did not come", payload)
		}
	}
}

const traceID = "0af7651916cd43dd8448eb211c80319c"

func TestTrace_of_a_device_reaches_the_app_wrapped_and_raw(t *testing.T) {
	raw := to("raw/#", "rawPayload", "true")
	s := start(t, five(autoEvents(nil)), nil, to("devices/#"), raw)
	parent := "00-" + traceID + "-b7ad6b7169203331-01"
	for _, topic := range []string{"devices/7", "raw/7"} {
		s.broker.Publish5(t, topic, "ON", []string{"user-property", "traceparent", parent},
			[]string{"user-property", "tracestate", "vendor=1"})
		received := s.app.Next(t)
		event := received.Event(t)
		require.Equal(t, parent, event["traceparent"], topic)
		require.Equal(t, "vendor=1", event["tracestate"], topic)
		require.Contains(t, received.Header.Get("traceparent"), traceID, topic)

		s.broker.Publish5(t, topic, "ON", []string{"user-property", "traceparent", strings.ToUpper(parent)},
			[]string{"user-property", "tracestate", "vendor=1"})
		received = s.app.Next(t)
		require.NotContains(t, received.Event(t), "traceparent", topic)
		require.NotContains(t, received.Header.Get("traceparent"), traceID, topic)
	}
}

// Dapr's 4 MiB are those of the event: in base64, 3.5 MiB are more.
func TestDevices_payload_too_large_as_an_event_is_given_up_and_the_next_one_arrives(t *testing.T) {
	s := start(t, autoEvents(nil), nil, to("devices/#"))
	device := s.broker.Connect(t)
	device.Publish(t, "devices/7", make([]byte, 7<<19))
	device.Publish(t, "devices/7", []byte("ON"))
	requireEvent(t, s.app, "ON")
	requireAll(t, s.component.String(), "devices/7", fmt.Sprint(7<<19), "larger than the 4 MiB")
}
