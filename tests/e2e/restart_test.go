package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	runtimev1 "github.com/dapr/dapr/pkg/proto/runtime/v1"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

// A component that is restarted under a living daprd, which calls Init once and opens each
// subscription once: it has to come back by itself.

// healed is what the component logs when a daprd has noticed its restart.
const healed = "has called Init again"

// startHealing brings up a stack whose component heals as told, with a session that stays, and more
// resources for daprd.
func startHealing(t *testing.T, how string, options harness.DaprdOptions, more ...string) stack {
	t.Helper()
	s := stack{broker: harness.StartBroker(t, harness.BrokerOptions{})}
	s.component = harness.StartComponent(t, "--heal-daprd", how)
	s.app = harness.StartApp(t, nil, to("orders"))
	files := map[string]string{"pubsub.yaml": plain(s.broker, persistent())}
	for i, content := range more {
		files[fmt.Sprintf("more-%d.yaml", i)] = content
	}
	s.resources = harness.Resources(t, files)
	options.AppID, options.App, options.Component, options.Resources = appID, s.app, s.component, s.resources
	s.daprd = harness.StartDaprd(t, options)
	s.broker.WaitSubscribed(t, "orders", 0)
	// Restarts find it where it is.
	s.component.SetEnv(fmt.Sprintf("DAPR_PUBSUB_MQTT_DAPRD_ADDRESS=%d", s.daprd.HTTPPort))
	return s
}

// get returns the status and the body.
func get(t *testing.T, url string) (int, string) {
	t.Helper()
	response, err := http.Get(url)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(body)
}

// probe runs the probe command on the component's socket.
func probe(t *testing.T, c *harness.Component, args ...string) (string, error) {
	args = append([]string{"probe", "--socket", c.Socket}, args...)
	out, err := exec.Command(harness.Program(t), args...).CombinedOutput()
	return string(out), err
}

func TestRestart_without_healing_is_told_to_callers_probe_and_readyz(t *testing.T) {
	s := startHealing(t, "off", harness.DaprdOptions{})
	port := harness.UnusedPort(t)
	s.component.SetEnv(fmt.Sprintf("DAPR_PUBSUB_MQTT_METRICS_ADDRESS=%d", port))
	s.component.Crash(t)
	s.component.WaitFor(t, "has not called Init since this component was restarted", 0)

	begin := time.Now()
	status, answer := s.daprd.Post(t, "publish/"+pubsub+"/orders", "text/plain", []byte("x"))
	t.Logf("answered in %s: %d %s", time.Since(begin), status, answer)
	require.Equal(t, http.StatusInternalServerError, status)
	requireAll(t, answer, pubsub, "restarted", "restart daprd", "--heal-daprd")

	out, err := probe(t, s.component)
	require.Error(t, err, "probe says that all is well: %s", out)
	requireAll(t, out, "restart daprd", appID)
	out, err = probe(t, s.component, "--alive")
	require.NoError(t, err, out)
	readyz := func() (int, string) { return get(t, fmt.Sprintf("http://127.0.0.1:%d/readyz", port)) }
	status, answer = readyz()
	require.Equal(t, http.StatusServiceUnavailable, status)
	requireAll(t, answer, "restart daprd")

	// A changed value: daprd reloads the Component, and nothing else.
	harness.WriteFile(t, s.resources+"/pubsub.yaml",
		plain(s.broker, map[string]string{"cleanSession": "false", "keepAliveInterval": "61s"}))
	s.component.WaitFor(t, healed, 0)
	out, err = probe(t, s.component)
	require.NoError(t, err, out)
	status, answer = readyz()
	require.Equal(t, http.StatusOK, status, answer)
	requireRoundTrip(t, s.daprd, "orders", s.app)
}

// flow sends messages both ways, 1 to count each, again until they are taken, and notes what
// arrives: from a device to the app, and from the app to a device.
type flow struct {
	toApp, toDevice atomic.Int64 // different ones that have arrived
	longest         atomic.Int64 // nanoseconds until a publish of the app was taken
	failed          atomic.Int64 // tries of the app's publishes
	done            sync.WaitGroup
}

func startFlow(t *testing.T, s stack, count int) *flow {
	f := &flow{}
	device, listener := s.broker.Connect(t), s.broker.Connect(t)
	listener.Subscribe(t, "readings")
	const senders = 4
	f.done.Add(3 + senders)
	pace := 16 * time.Millisecond
	go func() {
		defer f.done.Done()
		for i := range count {
			time.Sleep(pace / senders)
			device.Publish(t, "orders", cloudEvent(t, fmt.Sprint(i), fmt.Sprintf("flow-%d", i)))
		}
	}()
	for sender := range senders {
		go func() {
			defer f.done.Done()
			for i := sender; i < count; i += senders {
				time.Sleep(pace)
				begin := time.Now()
				for body := []byte(fmt.Sprintf("flow-%d", i)); ; time.Sleep(pace) {
					status, _, err := s.daprd.TryPost("publish/"+pubsub+"/readings", "text/plain", body,
						"metadata.rawPayload=true")
					if err == nil && status == http.StatusNoContent {
						break
					}
					f.failed.Add(1)
				}
				f.longest.Store(max(f.longest.Load(), int64(time.Since(begin))))
			}
		}()
	}
	go func() {
		defer f.done.Done()
		for got := map[string]bool{}; len(got) < count; f.toApp.Store(int64(len(got))) {
			if data := s.app.Next(t).Event(t)["data"].(string); strings.HasPrefix(data, "flow-") {
				got[data] = true
			}
		}
	}()
	go func() {
		defer f.done.Done()
		for got := map[string]bool{}; len(got) < count; f.toDevice.Store(int64(len(got))) {
			got[string(listener.Next(t).Payload())] = true
		}
	}()
	return f
}

// waitOnward returns when more messages of both ways have arrived, or all of them.
func (f *flow) waitOnward(t *testing.T, more, count int) {
	t.Helper()
	for _, way := range []*atomic.Int64{&f.toApp, &f.toDevice} {
		until := min(way.Load()+int64(more), int64(count))
		harness.Until(t, "messages flow", func() bool { return way.Load() >= until })
	}
}

// survive restarts the component so many times amid messages and logs how long each took.
func survive(t *testing.T, s stack, messages, times int, restart func(c *harness.Component, time int)) {
	t.Helper()
	f := startFlow(t, s, messages)
	var longest time.Duration
	for i := range times {
		f.waitOnward(t, messages/times/4, messages)
		restart(s.component, i)
		begin := time.Now()
		s.component.WaitFor(t, healed, 0)
		longest = max(longest, time.Since(begin))
		require.Equal(t, 1, s.component.Count(healed, 0))
	}
	f.done.Wait()
	t.Logf("%d messages each way, %d restarts, healed within %s of the socket being back, "+
		"no publish tried for longer than %s, %d tries failed, app %d device %d", messages, times, longest,
		time.Duration(f.longest.Load()), f.failed.Load(), f.toApp.Load(), f.toDevice.Load())
	require.Zero(t, s.broker.TakeOvers())
}

func TestRestart_killed_20_times_amid_10000_messages_both_ways_loses_none(t *testing.T) {
	s := startHealing(t, "reload", harness.DaprdOptions{})
	pid := s.daprd.Pid()
	survive(t, s, 10_000, 20, func(c *harness.Component, _ int) { c.Crash(t) })
	require.True(t, s.daprd.Running())
	require.Equal(t, pid, s.daprd.Pid())
}

func TestRestart_upgraded_and_killed_with_a_supervised_daprd_loses_none(t *testing.T) {
	s := startHealing(t, "shutdown", harness.DaprdOptions{Supervised: true})
	survive(t, s, 2_000, 6, func(c *harness.Component, i int) {
		if i%2 == 0 {
			c.Crash(t)
			return
		}
		c.Upgrade(t)
	})
	require.Equal(t, 6, s.daprd.Count("Shutdown requested via API", 0), "once for each restart")
}

// A streaming app subscribes anew, as it does whenever daprd restarts.
func TestRestart_under_a_streaming_app_heals_when_it_subscribes_again(t *testing.T) {
	s := startHealing(t, "reload", harness.DaprdOptions{})
	conn, err := grpc.NewClient(fmt.Sprintf("127.0.0.1:%d", s.daprd.GRPCPort),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer conn.Close()
	client := runtimev1.NewDaprClient(conn)
	stream := subscribeStreaming(t, t.Context(), client, "streamed")
	s.broker.WaitSubscribed(t, "streamed", 0)
	ended := make(chan error)
	go func() {
		_, err := stream.Recv()
		ended <- err
	}()
	s.component.Crash(t)
	require.Error(t, <-ended)
	s.component.WaitFor(t, healed, 0)
	require.True(t, s.daprd.Running())
	stream = subscribeStreaming(t, t.Context(), client, "streamed")
	s.broker.Connect(t).Publish(t, "streamed", cloudEvent(t, "1", "again"))
	_, err = stream.Recv()
	require.NoError(t, err)
}

// daprd then goes on trying a publish while the component is away, and waits for it to end when it
// is told to begin anew: for five seconds, then it gives up and ends, for the supervisor to go on.
func TestRestart_with_publishes_tried_for_ever_by_daprd_loses_none(t *testing.T) {
	s := startHealing(t, "reload", harness.DaprdOptions{Supervised: true}, untilItWorks)
	survive(t, s, 1_000, 3, func(c *harness.Component, _ int) { c.Crash(t) })
}

const untilItWorks = `apiVersion: dapr.io/v1alpha1
kind: Resiliency
metadata:
  name: until-it-works
spec:
  policies:
    retries:
      again:
        policy: constant
        duration: 100ms
        maxRetries: -1
  targets:
    components:
      mqtt-pubsub:
        outbound:
          retry: again
`

func TestRestart_is_noticed_by_a_daprd_with_an_API_token(t *testing.T) {
	s := startHealing(t, "shutdown", harness.DaprdOptions{
		Supervised: true, Env: []string{"DAPR_API_TOKEN=a-token"},
	})
	device := s.broker.Connect(t)
	s.component.SetEnv("DAPR_API_TOKEN=a-token")
	s.component.Crash(t)
	s.component.WaitFor(t, healed, 0)
	s.daprd.WaitFor(t, "Shutdown requested via API", 0)
	device.Publish(t, "orders", cloudEvent(t, "1", "with a token"))
	requireEvent(t, s.app, "with a token")
	require.NotContains(t, s.component.String(), "a-token")
}

func TestRestart_under_two_apps_heals_both(t *testing.T) {
	s := startHealing(t, "reload", harness.DaprdOptions{})
	other := startLate(t, s, to("orders"))
	s.component.Crash(t)
	harness.Until(t, "both are healed", func() bool { return s.component.Count(healed, 0) == 2 })
	s.daprd.PublishJSON(t, pubsub, "orders", "both")
	requireEvent(t, s.app, "both")
	requireEvent(t, other, "both")
}

func TestRestart_is_noticed_by_a_daprd_that_does_not_answer_for_a_while(t *testing.T) {
	s := startHealing(t, "reload", harness.DaprdOptions{})
	s.daprd.Signal(t, syscall.SIGSTOP)
	s.component.Crash(t)
	time.Sleep(4 * time.Second)
	require.Zero(t, s.component.Count(healed, 0))
	s.daprd.Signal(t, syscall.SIGCONT)
	s.component.WaitFor(t, healed, 0)
	requireRoundTrip(t, s.daprd, "orders", s.app)
}

func TestRestart_while_the_broker_is_away_does_not_end_daprd(t *testing.T) {
	s := startHealing(t, "reload", harness.DaprdOptions{})
	s.broker.Terminate(t)
	s.component.Crash(t)
	s.component.WaitFor(t, healed, 0)
	require.True(t, s.daprd.Running())
	require.True(t, s.broker.Start(t))
	s.broker.WaitSubscribed(t, "orders", 0)
	requireRoundTrip(t, s.daprd, "orders", s.app)
}

func TestRestart_is_noticed_without_hot_reload(t *testing.T) {
	config := harness.Resources(t, map[string]string{"config.yaml": noHotReload}) + "/config.yaml"
	s := startHealing(t, "reload", harness.DaprdOptions{Args: []string{"--config", config}})
	s.component.Crash(t)
	s.component.WaitFor(t, healed, 0)
	requireRoundTrip(t, s.daprd, "orders", s.app)
}

const noHotReload = `apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata:
  name: config
spec:
  features:
  - name: HotReload
    enabled: false
`

func TestRestart_leaves_a_daprd_alone_that_has_nothing_to_do_with_it(t *testing.T) {
	s := startHealing(t, "reload", harness.DaprdOptions{})
	// On a socket of its own, with Components of the same name and at the same broker.
	other := start(t, nil, nil, to("orders"))
	mark := other.daprd.Mark()
	before := other.daprd.Capabilities(t, pubsub)
	for _, how := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		if how == syscall.SIGKILL {
			s.component.Crash(t)
		} else {
			s.component.Upgrade(t)
		}
		s.component.WaitFor(t, healed, 0)
	}
	require.Equal(t, before, other.daprd.Capabilities(t, pubsub))
	require.NotZero(t, s.daprd.Count("Shutting down component", 0))
	require.Zero(t, other.daprd.Count("Shutting down component", mark))
	requireRoundTrip(t, other.daprd, "orders", other.app)
}
