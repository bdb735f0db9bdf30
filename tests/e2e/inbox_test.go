package e2e

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

// handled counts what the app has done with each message.
type handled struct {
	mutex sync.Mutex
	times map[string]int
}

func (h *handled) note(data string) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.times[data]++
}

// counts says how many different messages there were, and how often one came again.
func (h *handled) counts() (different, again int) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for _, times := range h.times {
		again += times - 1
	}
	return len(h.times), again
}

// A pod of a Deployment is rescheduled: its disk goes with it, and daprd starts anew too.
func losesNothingWithItsDisk(t *testing.T, mode string) {
	const messages, ends, work = 1000, 10, 10 * time.Millisecond
	got := handled{times: map[string]int{}}
	app := func(r harness.Received) (int, any) {
		time.Sleep(work) // the app's own
		got.note(r.Event(t)["data"].(string))
		return http.StatusOK, nil
	}
	s := start(t, map[string]string{"cleanSession": "false", "inbox": mode}, app, to("orders"))
	device := s.broker.Connect(t)
	for i := range messages {
		device.Publish(t, "orders", cloudEvent(t, fmt.Sprint(i), fmt.Sprint(i)))
	}
	for end := range ends {
		enough := (end + 1) * messages / (ends + 1)
		harness.Until(t, fmt.Sprintf("%d messages are handled", enough), func() bool {
			different, _ := got.counts()
			return different >= enough
		})
		if end%2 == 0 {
			s.component.Kill()
		} else {
			require.Zero(t, s.component.Terminate(t))
		}
		s.daprd.Kill()
		s.component.LoseState(t)
		s.component.Start(t)
		s.daprd = s.sidecar(t, appID, s.app)
	}
	harness.Until(t, "all messages are handled", func() bool {
		different, _ := got.counts()
		return different == messages
	})
	_, again := got.counts()
	t.Logf("inbox %s: 0 of %d lost over %d ends, %d handled twice", mode, messages, ends, again)
	// daprd hands them to the app one by one: what waits there came to the app once.
	require.LessOrEqual(t, again, ends*20)
}

func TestInbox_auto_loses_nothing_with_the_disk_of_its_pod(t *testing.T) {
	losesNothingWithItsDisk(t, "auto")
}

func TestInbox_broker_loses_nothing_with_the_disk_of_its_pod(t *testing.T) {
	losesNothingWithItsDisk(t, "broker")
}

// The app is away while many messages come, and all three end in any order.
func TestInbox_loses_nothing_when_app_daprd_and_component_end_in_any_order(t *testing.T) {
	const each = 300
	got := handled{times: map[string]int{}}
	app := func(r harness.Received) (int, any) {
		got.note(r.Event(t)["data"].(string))
		return http.StatusOK, nil
	}
	s := start(t, persistent(), app, to("orders"))
	device := s.broker.Connect(t)
	sent := 0
	orders := [][]string{
		{"app", "daprd", "component"}, {"app", "component", "daprd"}, {"daprd", "app", "component"},
		{"daprd", "component", "app"}, {"component", "app", "daprd"}, {"component", "daprd", "app"},
	}
	for _, order := range orders {
		for range each {
			device.Publish(t, "orders", cloudEvent(t, fmt.Sprint(sent), fmt.Sprint(sent)))
			sent++
		}
		for _, what := range order {
			switch what {
			case "app":
				s.app.Stop()
			case "daprd":
				s.daprd.Terminate(t)
			case "component":
				require.Zero(t, s.component.Terminate(t))
			}
		}
		s.app.Restart(t)
		s.component.Start(t)
		s.daprd = s.sidecar(t, appID, s.app)
	}
	harness.Until(t, "all messages are handled", func() bool {
		different, _ := got.counts()
		return different == sent
	})
}
