package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

// lanes are subscriptions of an app that share the messages of a topic.
func lanes(n int, topic string) []harness.Subscription {
	all := make([]harness.Subscription, 0, n)
	for lane := range n {
		all = append(all, to(fmt.Sprintf("$lane/%d/%s", lane+1, topic)))
	}
	return all
}

// fleet is what an app sees of many devices: how many messages it has in hand, and whether one
// comes out of order or together with another one of its device.
type fleet struct {
	mu       sync.Mutex
	handling time.Duration
	refuses  func(device string) bool
	repeats  bool // what was handled may come again, after a kill
	next     map[string]int
	inHand   map[string]bool
	most     int
	handled  int
	wrong    string
}

func newFleet(handling time.Duration) *fleet {
	return &fleet{handling: handling, next: map[string]int{}, inHand: map[string]bool{}}
}

// reading number n of a device; its id tells both.
func reading(t *testing.T, device string, n int) []byte {
	return cloudEvent(t, fmt.Sprintf("%s %d", device, n), n)
}

func (f *fleet) answer(r harness.Received) (int, any) {
	var event struct{ ID string }
	var device string
	var n int
	if err := json.Unmarshal(r.Body, &event); err != nil {
		return http.StatusBadRequest, nil
	}
	_, _ = fmt.Sscanf(event.ID, "%s %d", &device, &n)
	f.mu.Lock()
	if repeated := f.repeats && n < f.next[device]; repeated {
		f.mu.Unlock()
		return http.StatusOK, nil
	}
	if f.inHand[device] {
		f.wrong = "two of " + device + " at a time"
	}
	if n != f.next[device] {
		f.wrong = fmt.Sprintf("%s: %d came when %d was due", device, n, f.next[device])
	}
	f.inHand[device] = true
	f.most = max(f.most, len(f.inHand))
	f.mu.Unlock()
	time.Sleep(f.handling) // the app's work
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.inHand, device)
	if f.refuses != nil && f.refuses(device) {
		return http.StatusInternalServerError, nil
	}
	f.next[device]++
	f.handled++
	return http.StatusOK, nil
}

func (f *fleet) wait(t *testing.T, handled int) {
	t.Helper()
	harness.Until(t, fmt.Sprintf("%d messages are handled", handled), func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		require.Empty(t, f.wrong)
		return f.handled >= handled
	})
}

func TestOrder_of_each_device_holds_in_lanes_and_a_failing_one_stops_no_other(t *testing.T) {
	f := newFleet(time.Millisecond)
	var broken sync.Map
	broken.Store("bad", true)
	f.refuses = func(device string) bool { _, is := broken.Load(device); return is }
	s := start(t, map[string]string{
		"concurrencyMode": "ordered", "backOffMaxRetries": "-1", "backOffInterval": "200ms",
		"cleanSession": "false",
	}, f.answer, lanes(4, "devices/+/t")...)
	device := s.broker.Connect(t)
	const devices, messages = 6, 10
	for n := range messages {
		device.Publish(t, "devices/bad/t", reading(t, "bad", n))
		for d := range devices {
			name := fmt.Sprintf("d%d", d)
			device.Publish(t, "devices/"+name+"/t", reading(t, name, n))
		}
	}
	f.wait(t, devices*messages)
	s.component.WaitFor(t, `on topic \"devices/bad/t\" (filter \"devices/+/t\") has failed`, 0)
	broken.Delete("bad")
	f.wait(t, (devices+1)*messages)
}

func TestOrder_of_a_busy_device_leaves_the_others_their_turn(t *testing.T) {
	f := newFleet(10 * time.Millisecond)
	s := start(t, map[string]string{"concurrencyMode": "ordered", "cleanSession": "false"}, f.answer,
		lanes(8, "devices/+/t")...)
	const busy, messages, devices = 200, 100, 20
	device := s.broker.Connect(t)
	device.PublishEach(t, busy, 20, func(n int) (string, []byte) {
		return "devices/busy/t", reading(t, "busy", n)
	})
	device.PublishEach(t, messages, 20, func(n int) (string, []byte) {
		name := fmt.Sprintf("d%d", n%devices)
		return "devices/" + name + "/t", reading(t, name, n/devices)
	})
	handled := 0
	harness.Until(t, "the others are handled", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		require.Empty(t, f.wrong)
		handled = f.next["busy"]
		return f.handled-handled == messages
	})
	require.Less(t, handled, 150, "of the busy one, meanwhile")
	f.wait(t, busy+messages)
}

func TestLanes_by_declaration_give_the_app_as_many_messages_at_a_time(t *testing.T) {
	s := stack{broker: harness.StartBroker(t, harness.BrokerOptions{}), component: harness.StartComponent(t)}
	out, err := exec.Command(harness.Program(t), "generate", "subscriptions", "--lanes", "4",
		"--pubsub", pubsub, "--route", "/in", "devices/+/t").Output()
	require.NoError(t, err)
	s.resources = harness.Resources(t, map[string]string{
		"pubsub.yaml": plain(s.broker, map[string]string{"concurrencyMode": "ordered"}),
		"lanes.yaml":  string(out),
	})
	f := newFleet(10 * time.Millisecond)
	s.app = harness.StartApp(t, f.answer)
	s.daprd = s.sidecar(t, appID, s.app)
	s.broker.WaitSubscribed(t, "devices/+/t", 0)
	measure(t, s, f, 400, 20)
	require.Equal(t, 4, f.most, "messages in hand")
}

// measure has many devices publish and returns how many messages a second the app handles.
func measure(t *testing.T, s stack, f *fleet, messages, devices int) float64 {
	t.Helper()
	device := s.broker.Connect(t)
	began := time.Now()
	device.PublishEach(t, messages, 20, func(n int) (string, []byte) {
		name := fmt.Sprintf("d%d", n%devices)
		return "devices/" + name + "/t", reading(t, name, n/devices)
	})
	f.wait(t, messages)
	return float64(messages) / time.Since(began).Seconds()
}

// concurrent is a stack whose daprd hands over all that a stream brings, side by side.
func concurrent(t *testing.T, f *fleet, metadata map[string]string) stack {
	t.Helper()
	s := stack{broker: harness.StartBroker(t, harness.BrokerOptions{}), component: harness.StartComponent(t)}
	s.app = harness.StartApp(t, f.answer, to("devices/+/t"))
	s.resources = harness.Resources(t, map[string]string{"pubsub.yaml": plain(s.broker, metadata)})
	s.daprd = s.concurrentDaprd(t)
	s.broker.WaitSubscribed(t, "devices/+/t", 0)
	return s
}

func (s stack) concurrentDaprd(t *testing.T) *harness.Daprd {
	t.Helper()
	return harness.StartDaprd(t, harness.DaprdOptions{
		AppID: appID, App: s.app, Component: s.component, Resources: s.resources, Concurrent: true,
	})
}

func TestConcurrent_daprd_gets_each_device_in_order_within_the_window(t *testing.T) {
	f := newFleet(5 * time.Millisecond)
	failures := 0
	f.refuses = func(device string) bool { // under the fleet's lock
		if device != "d3" || failures%3 == 2 {
			failures++
			return false
		}
		failures++
		return true
	}
	s := concurrent(t, f, map[string]string{
		"concurrencyMode": "ordered", "maxConcurrentHandlers": "6",
		"backOffMaxRetries": "-1", "backOffInterval": "10ms",
	})
	measure(t, s, f, 300, 20)
	require.Greater(t, f.most, 3, "messages in hand")
	require.LessOrEqual(t, f.most, 6, "messages in hand")
}

func TestConcurrent_daprd_gets_one_message_at_a_time_in_single(t *testing.T) {
	f := newFleet(time.Millisecond)
	s := concurrent(t, f, map[string]string{"concurrencyMode": "single"})
	measure(t, s, f, 100, 5)
	require.Equal(t, 1, f.most, "messages in hand")
}

func TestConcurrent_daprd_that_is_killed_twice_gets_each_device_in_order(t *testing.T) {
	f := newFleet(5 * time.Millisecond)
	f.repeats = true
	s := concurrent(t, f, map[string]string{"concurrencyMode": "ordered", "cleanSession": "false"})
	const messages, devices = 300, 10
	s.broker.Connect(t).PublishEach(t, messages, 20, func(n int) (string, []byte) {
		name := fmt.Sprintf("d%d", n%devices)
		return "devices/" + name + "/t", reading(t, name, n/devices)
	})
	for part := range 2 {
		f.wait(t, messages*(part+1)/4)
		s.daprd.Kill()
		f.settle(t)
		s.daprd = s.concurrentDaprd(t)
	}
	f.wait(t, messages/2)
	s.component.Signal(t, syscall.SIGTERM) // what the app has in hand is answered before the end
	require.Equal(t, 0, s.component.WaitExit(t))
	s.daprd.Kill()
	f.settle(t)
	s.component.Start(t)
	s.daprd = s.concurrentDaprd(t)
	f.wait(t, messages)
}

// settle waits until nothing is in hand: the daprd that brought it is gone, and another may bring it
// again.
func (f *fleet) settle(t *testing.T) {
	t.Helper()
	harness.Until(t, "the app has ended what it had begun", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.inHand) == 0
	})
}

// With LANES_RATES=1: messages a second through daprd to an app that takes 10 ms, by the number of
// lanes, beside the built-in mqtt3 in the same daprd, which keeps no order.
func TestLanes_rates(t *testing.T) {
	if os.Getenv("LANES_RATES") == "" {
		t.Skip("takes a while: set LANES_RATES=1")
	}
	const messages, devices = 3000, 100
	one := 0.0
	for _, n := range []int{1, 2, 4, 8, 16} {
		f := newFleet(10 * time.Millisecond)
		s := start(t, map[string]string{"concurrencyMode": "ordered", "cleanSession": "false"}, f.answer,
			lanes(n, "devices/+/t")...)
		rate := measure(t, s, f, messages*min(n, 4)/4, devices)
		if n == 1 {
			one = rate
		}
		t.Logf("%2d lanes: %5.0f messages/s, %4.1f times one lane, in order for each device", n, rate, rate/one)
		if n == 8 {
			require.Greater(t, rate, 7*one)
		}
	}
	f := newFleet(10 * time.Millisecond)
	rate := measure(t, concurrent(t, f, map[string]string{"concurrencyMode": "ordered", "cleanSession": "false"}),
		f, messages, devices)
	t.Logf("concurrent daprd, no lanes: %5.0f messages/s, in order for each device", rate)
	s := stack{broker: harness.StartBroker(t, harness.BrokerOptions{}), component: harness.StartComponent(t)}
	yaml := strings.Replace(plain(s.broker, map[string]string{"consumerID": "rates"}),
		"type: pubsub.mqtt\n", "type: pubsub.mqtt3\n", 1)
	s.resources = harness.Resources(t, map[string]string{"pubsub.yaml": yaml})
	handled := make(chan struct{}, messages)
	s.app = harness.StartApp(t, func(harness.Received) (int, any) {
		time.Sleep(10 * time.Millisecond) // the app's work
		handled <- struct{}{}
		return http.StatusOK, nil
	}, to("devices/+/t"))
	s.daprd = s.sidecar(t, appID, s.app)
	device := s.broker.Connect(t)
	began := time.Now()
	device.PublishEach(t, messages, 20, func(n int) (string, []byte) {
		name := fmt.Sprintf("d%d", n%devices)
		return "devices/" + name + "/t", reading(t, name, n/devices)
	})
	for range messages {
		<-handled
	}
	t.Logf("built-in: %5.0f messages/s, without order", messages/time.Since(began).Seconds())
}
