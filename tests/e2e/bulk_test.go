package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

func TestBulkPublish_brings_every_entry_to_the_broker(t *testing.T) {
	s := start(t, nil, nil)
	device := s.broker.Connect(t)
	device.Subscribe(t, "orders")

	const entries = 100
	bulkPublish(t, s.daprd, "orders", entries)
	got := map[string]bool{}
	for range entries {
		var event map[string]any
		require.NoError(t, json.Unmarshal(device.Next(t).Payload(), &event))
		got[event["data"].(string)] = true
	}
	require.Len(t, got, entries)
}

func TestBulkSubscribe_hands_messages_over_promptly(t *testing.T) {
	subscription := to("orders")
	subscription.BulkSubscribe = &harness.BulkSubscribe{Enabled: true, MaxMessagesCount: 100, MaxAwaitDurationMs: 1000}
	s := start(t, nil, acceptAll, subscription)

	// daprd takes a second for each message where a component does not announce
	// BULK_SUBSCRIBE_IMMEDIATE.
	const messages = 40
	end := time.Now().Add(20 * time.Second)
	bulkPublish(t, s.daprd, "orders", messages)
	got := map[string]bool{}
	for len(got) < messages {
		for _, entry := range bulkEntries(t, s.app.Next(t)) {
			got[entry.Event.Data] = true
		}
		require.True(t, time.Now().Before(end), "%d of %d messages so far", len(got), messages)
	}
}

func TestBulkSubscribe_of_a_concurrent_daprd_gathers_what_comes_while_the_app_works(t *testing.T) {
	subscription := to("orders")
	subscription.BulkSubscribe = &harness.BulkSubscribe{Enabled: true, MaxMessagesCount: 50, MaxAwaitDurationMs: 60_000}
	s := stack{broker: harness.StartBroker(t, harness.BrokerOptions{}), component: harness.StartComponent(t)}
	s.app = harness.StartApp(t, func(r harness.Received) (int, any) {
		time.Sleep(50 * time.Millisecond) // the app's work
		return acceptAll(r)
	}, subscription)
	s.resources = harness.Resources(t, map[string]string{"pubsub.yaml": plain(s.broker, nil)})
	s.daprd = s.concurrentDaprd(t)
	s.broker.WaitSubscribed(t, "orders", 0)

	// Nobody waits for a batch to be full, and none is larger than was asked for.
	const messages = 400
	bulkPublish(t, s.daprd, "orders", messages)
	largest := 0
	for got := 0; got < messages; {
		batch := len(bulkEntries(t, s.app.Next(t)))
		largest = max(largest, batch)
		got += batch
	}
	require.Equal(t, 50, largest)
}

func bulkPublish(t *testing.T, d *harness.Daprd, topic string, count int) {
	t.Helper()
	entries := make([]map[string]string, count)
	for i := range entries {
		entries[i] = map[string]string{
			"entryId": fmt.Sprint(i), "event": fmt.Sprint("event ", i), "contentType": "text/plain",
		}
	}
	body, err := json.Marshal(entries)
	require.NoError(t, err)
	status, answer := d.Post(t, "publish/bulk/"+pubsub+"/"+topic, "application/json", body)
	require.Equal(t, http.StatusNoContent, status, answer)
}

type bulkEntry struct {
	EntryID string `json:"entryId"`
	Event   struct {
		Data string `json:"data"`
	} `json:"event"`
}

func bulkEntries(t testing.TB, r harness.Received) []bulkEntry {
	t.Helper()
	var body struct {
		Entries []bulkEntry `json:"entries"`
	}
	require.NoError(t, json.Unmarshal(r.Body, &body))
	return body.Entries
}

// acceptAll answers a bulk request entry by entry.
func acceptAll(r harness.Received) (int, any) {
	var body struct {
		Entries []bulkEntry `json:"entries"`
	}
	if err := json.Unmarshal(r.Body, &body); err != nil {
		return http.StatusBadRequest, nil
	}
	statuses := make([]map[string]string, 0, len(body.Entries))
	for _, entry := range body.Entries {
		statuses = append(statuses, map[string]string{"entryId": entry.EntryID, "status": "SUCCESS"})
	}
	return http.StatusOK, map[string]any{"statuses": statuses}
}
