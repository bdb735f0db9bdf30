package e2e

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	runtimev1 "github.com/dapr/dapr/pkg/proto/runtime/v1"

	"dapr-pubsub-mqtt/tests/e2e/harness"
)

func TestPublish_right_after_a_streaming_subscription_loses_nothing(t *testing.T) {
	s := start(t, nil, nil)
	ctx, cancel := context.WithTimeout(t.Context(), harness.Deadline)
	defer cancel()
	conn, err := grpc.NewClient(fmt.Sprintf("127.0.0.1:%d", s.daprd.GRPCPort),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer conn.Close()
	client := runtimev1.NewDaprClient(conn)

	stream, err := client.SubscribeTopicEventsAlpha1(ctx)
	require.NoError(t, err)
	require.NoError(t, stream.Send(&runtimev1.SubscribeTopicEventsRequestAlpha1{
		SubscribeTopicEventsRequestType: &runtimev1.SubscribeTopicEventsRequestAlpha1_InitialRequest{
			InitialRequest: &runtimev1.SubscribeTopicEventsRequestInitialAlpha1{PubsubName: pubsub, Topic: "orders"},
		},
	}))
	answer, err := stream.Recv()
	require.NoError(t, err)
	require.NotNil(t, answer.GetInitialResponse())

	const messages = 30
	published := make(chan error, 1)
	go func() {
		for i := range messages {
			_, err := client.PublishEvent(ctx, &runtimev1.PublishEventRequest{
				PubsubName: pubsub, Topic: "orders", Data: fmt.Append(nil, i),
			})
			if err != nil {
				published <- err
				return
			}
		}
		published <- nil
	}()
	for i := range messages {
		answer, err := stream.Recv()
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(i), string(answer.GetEventMessage().GetData()))
		require.NoError(t, stream.Send(processed(answer.GetEventMessage().GetId())))
	}
	require.NoError(t, <-published)
}

func processed(id string) *runtimev1.SubscribeTopicEventsRequestAlpha1 {
	return &runtimev1.SubscribeTopicEventsRequestAlpha1{
		SubscribeTopicEventsRequestType: &runtimev1.SubscribeTopicEventsRequestAlpha1_EventProcessed{
			EventProcessed: &runtimev1.SubscribeTopicEventsRequestProcessedAlpha1{
				Id:     id,
				Status: &runtimev1.TopicEventResponse{Status: runtimev1.TopicEventResponse_SUCCESS},
			},
		},
	}
}
