package e2e

import (
	"context"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"

	runtimev1 "github.com/dapr/dapr/pkg/proto/runtime/v1"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

// persistent is a session that keeps its messages; retries are at their default, 0.
func persistent() map[string]string { return map[string]string{"cleanSession": "false"} }

// logReasons shows in what words daprd has said it.
func logReasons(t *testing.T, component *harness.Component) {
	t.Helper()
	for line := range strings.Lines(component.String()) {
		if strings.Contains(line, "cannot reach the app") {
			t.Log(strings.TrimSpace(line))
		}
	}
}

// collect has the data of the events that the app gets, until there are count different ones.
func collect(t *testing.T, app *harness.App, count int) map[string]bool {
	t.Helper()
	got := map[string]bool{}
	for len(got) < count {
		got[app.Next(t).Event(t)["data"].(string)] = true
	}
	return got
}

func TestAppAway_loses_none_of_2000_messages_that_waited(t *testing.T) {
	s := start(t, persistent(), nil, to("orders"))
	requireRoundTrip(t, s.daprd, "orders", s.app)
	s.app.Stop()
	device := s.broker.Connect(t)
	const messages = 2000
	for i := range messages {
		device.Publish(t, "orders", cloudEvent(t, fmt.Sprint(i), fmt.Sprint(i)))
	}
	s.component.WaitFor(t, "daprd cannot reach the app", 0)
	time.Sleep(5 * time.Second) // in which all were dropped before
	s.app.Restart(t)
	require.Len(t, collect(t, s.app, messages), messages)
	s.component.WaitFor(t, "the app answers again", 0)
	require.Zero(t, s.component.Count("gave up", 0))
	require.Equal(t, 1, s.component.Count("daprd cannot reach the app", 0))
	logReasons(t, s.component)
}

func TestAppRestart_loses_none_of_600_messages(t *testing.T) {
	s := start(t, persistent(), nil, to("orders"))
	requireRoundTrip(t, s.daprd, "orders", s.app)
	device := s.broker.Connect(t)
	const messages, away = 600, 2 * time.Second
	go func() {
		time.Sleep(2 * time.Second)
		s.app.Stop()
		time.Sleep(away)
		s.app.Restart(t)
	}()
	tick := time.NewTicker(time.Second / 80)
	defer tick.Stop()
	for i := range messages {
		<-tick.C
		device.Publish(t, "orders", cloudEvent(t, fmt.Sprint(i), fmt.Sprint(i)))
	}
	require.Len(t, collect(t, s.app, messages), messages)
	require.Zero(t, s.component.Count("gave up", 0))
	require.NotZero(t, s.component.Count("cannot reach the app", 0))
	logReasons(t, s.component)
}

func TestAppAway_bulk_subscription_loses_nothing(t *testing.T) {
	subscription := to("orders")
	subscription.BulkSubscribe = &harness.BulkSubscribe{Enabled: true, MaxMessagesCount: 100, MaxAwaitDurationMs: 100}
	s := start(t, persistent(), acceptAll, subscription)
	s.app.Stop()
	device := s.broker.Connect(t)
	const messages = 200
	for i := range messages {
		device.Publish(t, "orders", cloudEvent(t, fmt.Sprint(i), fmt.Sprint(i)))
	}
	s.component.WaitFor(t, "daprd cannot reach the app", 0)
	s.app.Restart(t)
	got := map[string]bool{}
	for len(got) < messages {
		for _, entry := range bulkEntries(t, s.app.Next(t)) {
			got[entry.Event.Data] = true
		}
	}
	require.Zero(t, s.component.Count("gave up", 0))
	logReasons(t, s.component)
}

// subscribeStreaming opens a streaming subscription, which ends with ctx.
func subscribeStreaming(t *testing.T, ctx context.Context, client runtimev1.DaprClient, topic string) runtimev1.Dapr_SubscribeTopicEventsAlpha1Client {
	t.Helper()
	stream, err := client.SubscribeTopicEventsAlpha1(ctx)
	require.NoError(t, err)
	require.NoError(t, stream.Send(&runtimev1.SubscribeTopicEventsRequestAlpha1{
		SubscribeTopicEventsRequestType: &runtimev1.SubscribeTopicEventsRequestAlpha1_InitialRequest{
			InitialRequest: &runtimev1.SubscribeTopicEventsRequestInitialAlpha1{PubsubName: pubsub, Topic: topic},
		},
	}))
	answer, err := stream.Recv()
	require.NoError(t, err)
	require.NotNil(t, answer.GetInitialResponse())
	return stream
}

func TestAppAway_streaming_app_comes_back_to_all(t *testing.T) {
	s := start(t, persistent(), nil)
	conn, err := grpc.NewClient(fmt.Sprintf("127.0.0.1:%d", s.daprd.GRPCPort),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer conn.Close()
	client := runtimev1.NewDaprClient(conn)

	const messages = 300
	first, leave := context.WithCancel(t.Context())
	stream := subscribeStreaming(t, first, client, "orders")
	s.broker.WaitSubscribed(t, "orders", 0)
	device := s.broker.Connect(t)
	for i := range messages {
		device.Publish(t, "orders", cloudEvent(t, fmt.Sprint(i), fmt.Sprint(i)))
	}
	got := map[string]bool{}
	for range 50 {
		answer, err := stream.Recv()
		require.NoError(t, err)
		got[answer.GetEventMessage().GetId()] = true
		require.NoError(t, stream.Send(processed(answer.GetEventMessage().GetId())))
	}
	leave() // with a message in hand
	time.Sleep(2 * time.Second)

	ctx, cancel := context.WithTimeout(t.Context(), harness.Deadline)
	defer cancel()
	stream = subscribeStreaming(t, ctx, client, "orders")
	for len(got) < messages {
		answer, err := stream.Recv()
		require.NoError(t, err)
		got[answer.GetEventMessage().GetId()] = true
		require.NoError(t, stream.Send(processed(answer.GetEventMessage().GetId())))
	}
	require.Zero(t, s.component.Count("gave up", 0))
	logReasons(t, s.component)
}

// grpcApp subscribes to orders and keeps the events.
type grpcApp struct {
	runtimev1.UnimplementedAppCallbackServer
	events chan *runtimev1.TopicEventRequest
}

func (a grpcApp) ListTopicSubscriptions(context.Context, *emptypb.Empty) (*runtimev1.ListTopicSubscriptionsResponse, error) {
	return &runtimev1.ListTopicSubscriptionsResponse{
		Subscriptions: []*runtimev1.TopicSubscription{{PubsubName: pubsub, Topic: "orders"}},
	}, nil
}

func (a grpcApp) OnTopicEvent(_ context.Context, event *runtimev1.TopicEventRequest) (*runtimev1.TopicEventResponse, error) {
	a.events <- event
	return &runtimev1.TopicEventResponse{}, nil
}

func (a grpcApp) serve(t *testing.T, address string) *grpc.Server {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	require.NoError(t, err)
	server := grpc.NewServer()
	runtimev1.RegisterAppCallbackServer(server, a)
	go func() { _ = server.Serve(listener) }() // ends with Stop
	t.Cleanup(server.Stop)
	return server
}

func TestAppAway_grpc_app_comes_back_to_all(t *testing.T) {
	s := stack{broker: harness.StartBroker(t, harness.BrokerOptions{})}
	s.component = harness.StartComponent(t)
	s.resources = harness.Resources(t, map[string]string{"pubsub.yaml": plain(s.broker, persistent())})
	port := harness.UnusedPort(t)
	address := fmt.Sprintf("127.0.0.1:%d", port)
	app := grpcApp{events: make(chan *runtimev1.TopicEventRequest, 10_000)}
	server := app.serve(t, address)
	harness.StartDaprd(t, harness.DaprdOptions{
		AppID: appID, App: &harness.App{Port: port}, Component: s.component, Resources: s.resources,
		Args: []string{"--app-protocol", "grpc"},
	})
	s.broker.WaitSubscribed(t, "orders", 0)
	device := s.broker.Connect(t)
	const messages = 300
	for i := range messages {
		if i == messages/2 {
			server.Stop()
		}
		device.Publish(t, "orders", cloudEvent(t, fmt.Sprint(i), fmt.Sprint(i)))
	}
	s.component.WaitFor(t, "daprd cannot reach the app", 0)
	app.serve(t, address)
	got := map[string]bool{}
	for len(got) < messages {
		select {
		case event := <-app.events:
			got[event.GetId()] = true
		case <-time.After(harness.Deadline):
			t.Fatalf("%d of %d messages came", len(got), messages)
		}
	}
	require.Zero(t, s.component.Count("gave up", 0))
	logReasons(t, s.component)
}

func TestShutdown_of_app_daprd_and_component_together_loses_nothing(t *testing.T) {
	slow := func(harness.Received) (int, any) {
		time.Sleep(2 * time.Millisecond)
		return 200, nil
	}
	s := start(t, persistent(), slow, to("orders"))
	device := s.broker.Connect(t)
	const messages = 2000
	for i := range messages {
		device.Publish(t, "orders", cloudEvent(t, fmt.Sprint(i), fmt.Sprint(i)))
	}
	require.Less(t, s.app.Pending(), messages, "too fast: nothing was queued")
	s.daprd.Signal(t, syscall.SIGTERM)
	s.component.Signal(t, syscall.SIGTERM)
	s.app.Stop()
	s.daprd.WaitExit(t)
	require.Zero(t, s.component.WaitExit(t))
	require.Zero(t, s.component.Count("gave up", 0))

	s.component.Start(t)
	s.app.Restart(t)
	s.daprd = s.sidecar(t, appID, s.app)
	require.Len(t, collect(t, s.app, messages), messages)
	require.Zero(t, s.component.Count("gave up", 0))
}

// daprd ends the streams of an app whose health check fails, and opens them again.
func TestAppAway_by_its_health_check_comes_back_to_all(t *testing.T) {
	s := stack{broker: harness.StartBroker(t, harness.BrokerOptions{})}
	s.component = harness.StartComponent(t)
	s.app = harness.StartApp(t, nil, to("orders"))
	s.resources = harness.Resources(t, map[string]string{"pubsub.yaml": plain(s.broker, persistent())})
	s.daprd = harness.StartDaprd(t, harness.DaprdOptions{
		AppID: appID, App: s.app, Component: s.component, Resources: s.resources,
		Args: []string{"--enable-app-health-check", "--app-health-probe-interval", "1", "--app-health-threshold", "1"},
	})
	s.broker.WaitSubscribed(t, "orders", 0)
	s.app.Stop()
	device := s.broker.Connect(t)
	const messages = 300
	for i := range messages {
		device.Publish(t, "orders", cloudEvent(t, fmt.Sprint(i), fmt.Sprint(i)))
	}
	s.component.WaitFor(t, "daprd cannot reach the app", 0)
	time.Sleep(4 * time.Second) // in which daprd notices
	s.app.Restart(t)
	require.Len(t, collect(t, s.app, messages), messages)
	require.Zero(t, s.component.Count("gave up", 0))
	logReasons(t, s.component)
	for line := range strings.Lines(s.component.String()) {
		if strings.Contains(line, "message(s)") {
			t.Log(strings.TrimSpace(line))
		}
	}
}
