// The floor of gRPC: floor_grpc <socket> answers each Publish at once, and sends over
// each PullMessages stream as many messages as the subscription's metadata says
// ("messages", of "size" bytes), with a thousand unacknowledged at the most. What a
// component costs above that is its own and its MQTT client's.
#include <grpcpp/grpcpp.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>

#include "dapr/proto/components/v1/pubsub.grpc.pb.h"

namespace {

namespace wire = ::dapr::proto::components::v1;

class Stream final
    : public grpc::ServerBidiReactor<wire::PullMessagesRequest, wire::PullMessagesResponse> {
 public:
  Stream() { StartRead(&request_); }

  void OnReadDone(bool ok) override {
    bool write = false;
    {
      const std::lock_guard lock(mutex_);
      if (!ok) {
        ended_ = true;
        if (writing_) return;
      } else if (request_.has_topic() && !request_.topic().name().empty()) {
        const auto& metadata = request_.topic().metadata();
        left_ = std::stol(metadata.at("messages"));
        response_.set_data(std::string(std::stoul(metadata.at("size")), 'x'));
        response_.set_topic_name(request_.topic().name());
        write = next();
      } else {
        --unacknowledged_;
        write = next();
      }
    }
    if (!ok) return Finish(grpc::Status::OK);
    if (write) StartWrite(&response_);
    StartRead(&request_);
  }

  void OnWriteDone(bool ok) override {
    bool write = false;
    bool finish = false;
    {
      const std::lock_guard lock(mutex_);
      writing_ = false;
      finish = ended_;
      write = ok && !finish && next();
    }
    if (finish) return Finish(grpc::Status::OK);
    if (write) StartWrite(&response_);
  }

  void OnDone() override { delete this; }

 private:
  bool next() {
    constexpr int kWindow = 1000;
    if (writing_ || left_ == 0 || unacknowledged_ >= kWindow) return false;
    writing_ = true;
    --left_;
    ++unacknowledged_;
    response_.set_id(std::to_string(++id_));
    return true;
  }

  wire::PullMessagesRequest request_;
  wire::PullMessagesResponse response_;
  std::mutex mutex_;
  long left_ = 0;
  long id_ = 0;
  int unacknowledged_ = 0;
  bool writing_ = false;
  bool ended_ = false;
};

class Service final : public wire::PubSub::CallbackService {
 public:
  grpc::ServerUnaryReactor* Init(grpc::CallbackServerContext* context,
                                 const wire::PubSubInitRequest*,
                                 wire::PubSubInitResponse*) override {
    return answer(*context);
  }
  grpc::ServerUnaryReactor* Features(grpc::CallbackServerContext* context,
                                     const wire::FeaturesRequest*,
                                     wire::FeaturesResponse*) override {
    return answer(*context);
  }
  grpc::ServerUnaryReactor* Publish(grpc::CallbackServerContext* context,
                                    const wire::PublishRequest*, wire::PublishResponse*) override {
    return answer(*context);
  }
  grpc::ServerUnaryReactor* BulkPublish(grpc::CallbackServerContext* context,
                                        const wire::BulkPublishRequest*,
                                        wire::BulkPublishResponse*) override {
    return answer(*context);
  }
  grpc::ServerBidiReactor<wire::PullMessagesRequest, wire::PullMessagesResponse>* PullMessages(
      grpc::CallbackServerContext*) override {
    return new Stream;
  }

 private:
  static grpc::ServerUnaryReactor* answer(grpc::CallbackServerContext& context) {
    grpc::ServerUnaryReactor* reactor = context.DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: floor_grpc <socket>\n", stderr);
    return 2;
  }
  Service service;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(std::string("unix:") + argv[1], grpc::InsecureServerCredentials());
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server) return 1;
  std::puts("serving");
  std::fflush(stdout);
  server->Wait();
  return 0;
}
