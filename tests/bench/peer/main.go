// Command peer serves Dapr's own mqtt3 component as a pluggable one: the built-in
// component's code behind the same protocol and socket as ours, to be measured
// beside it. One instance, one acknowledgement at a time for each message in
// flight, as Dapr's Go SDK for pluggable components has it.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/reflection"

	"github.com/dapr/components-contrib/metadata"
	"github.com/dapr/components-contrib/pubsub"
	mqtt "github.com/dapr/components-contrib/pubsub/mqtt3"
	proto "github.com/dapr/dapr/pkg/proto/components/v1"
	"github.com/dapr/kit/logger"
)

type server struct {
	proto.UnimplementedPubSubServer
	component pubsub.PubSub
}

func (s *server) Init(ctx context.Context, request *proto.PubSubInitRequest) (*proto.PubSubInitResponse, error) {
	s.component = mqtt.NewMQTTPubSub(logger.NewLogger("peer"))
	base := metadata.Base{Name: "peer", Properties: request.GetMetadata().GetProperties()}
	return &proto.PubSubInitResponse{}, s.component.Init(ctx, pubsub.Metadata{Base: base})
}

func (s *server) Features(context.Context, *proto.FeaturesRequest) (*proto.FeaturesResponse, error) {
	return &proto.FeaturesResponse{}, nil
}

func (s *server) Ping(context.Context, *proto.PingRequest) (*proto.PingResponse, error) {
	return &proto.PingResponse{}, nil
}

func (s *server) Publish(ctx context.Context, request *proto.PublishRequest) (*proto.PublishResponse, error) {
	return &proto.PublishResponse{}, s.component.Publish(ctx, &pubsub.PublishRequest{
		Data: request.GetData(), Topic: request.GetTopic(), Metadata: request.GetMetadata(),
	})
}

func (s *server) PullMessages(stream proto.PubSub_PullMessagesServer) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	var (
		mu      sync.Mutex
		nextID  uint64
		waiting = map[string]chan error{}
	)
	handler := func(ctx context.Context, message *pubsub.NewMessage) error {
		answer := make(chan error, 1)
		mu.Lock()
		nextID++
		id := strconv.FormatUint(nextID, 10)
		waiting[id] = answer
		err := stream.Send(&proto.PullMessagesResponse{
			Data: message.Data, TopicName: message.Topic, Metadata: message.Metadata, Id: id,
		})
		mu.Unlock()
		if err != nil {
			return err
		}
		select {
		case err := <-answer:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	topic := first.GetTopic()
	subscribe := pubsub.SubscribeRequest{Topic: topic.GetName(), Metadata: topic.GetMetadata()}
	if err := s.component.Subscribe(stream.Context(), subscribe, handler); err != nil {
		return err
	}
	for {
		request, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		mu.Lock()
		answer := waiting[request.GetAckMessageId()]
		delete(waiting, request.GetAckMessageId())
		mu.Unlock()
		if answer == nil {
			continue
		}
		if failure := request.GetAckError(); failure != nil {
			answer <- fmt.Errorf("%s", failure.GetMessage())
		} else {
			answer <- nil
		}
	}
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: peer <socket>")
		os.Exit(2)
	}
	listener, err := net.Listen("unix", os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	grpcServer := grpc.NewServer()
	proto.RegisterPubSubServer(grpcServer, &server{})
	reflection.Register(grpcServer)
	fmt.Println("serving")
	if err := grpcServer.Serve(listener); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
