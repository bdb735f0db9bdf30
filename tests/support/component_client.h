// A gRPC client that calls the component like daprd, with the generated stubs.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "dapr/proto/components/v1/pubsub.grpc.pb.h"
#include "dapr_mqtt/base/mutex.h"

namespace dapr_mqtt::testing {

namespace wire = ::dapr::proto::components::v1;
using Properties = std::map<std::string, std::string>;

/// Long enough for any expected event, on a slow machine under a sanitizer.
inline constexpr std::chrono::seconds kPatience{45};

/// One PullMessages stream, read by a thread of its own. Ends with the object.
class PullStream {
 public:
  ~PullStream();
  PullStream(const PullStream&) = delete;
  PullStream& operator=(const PullStream&) = delete;

  /// The next message; none when none came `within`, or the stream has ended.
  std::optional<wire::PullMessagesResponse> next(std::chrono::milliseconds within = kPatience);
  /// This many messages, or those that came `within` this time; acknowledges none.
  std::vector<wire::PullMessagesResponse> take(std::size_t count,
                                               std::chrono::milliseconds within = kPatience);
  void ack(const std::string& id);
  void nack(const std::string& id, const std::string& error);
  void send(const wire::PullMessagesRequest& request);
  /// Ends the requests, and returns the stream's status; none when the component
  /// does not end the stream `within` this time.
  std::optional<grpc::Status> finish(std::chrono::milliseconds within = kPatience);
  /// The status with which the component ended it by itself; none when it did not.
  std::optional<grpc::Status> wait_for_end(std::chrono::milliseconds within = kPatience);
  void cancel() { context_.TryCancel(); }

 private:
  friend class ComponentClient;
  PullStream(wire::PubSub::Stub& stub, const std::string& instance);
  void read();

  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<wire::PullMessagesRequest, wire::PullMessagesResponse>>
      stream_;
  base::Mutex mutex_;
  base::CondVar changed_;
  std::deque<wire::PullMessagesResponse> messages_ DM_GUARDED_BY(mutex_);
  std::optional<grpc::Status> status_ DM_GUARDED_BY(mutex_);
  std::thread reader_;
};

struct BulkAnswer {
  grpc::Status status;
  std::map<std::string, std::string> failed;  ///< error by entry id
};

/// A connection of its own with one instance name, as daprd makes one for each
/// Component. Dropping it (and its streams) closes the connection.
class ComponentClient {
 public:
  /// `instance` empty: no x-component-instance header.
  explicit ComponentClient(const std::string& address, std::string instance = "pubsub");

  grpc::Status init(const Properties& metadata, std::chrono::milliseconds timeout = kPatience);
  grpc::Status features(std::vector<std::string>& out);
  grpc::Status publish(const std::string& topic, const std::string& data,
                       const Properties& metadata = {},
                       std::chrono::milliseconds timeout = kPatience);
  BulkAnswer bulk_publish(const wire::BulkPublishRequest& request,
                          std::chrono::milliseconds timeout = kPatience);
  grpc::Status pause();
  grpc::Status resume();
  grpc::Status ping();
  /// A stream with its first request sent.
  std::unique_ptr<PullStream> pull(const std::string& topic, const Properties& metadata = {});
  /// A stream without a first request.
  std::unique_ptr<PullStream> open_stream();

  wire::PubSub::Stub& stub() { return *stub_; }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  /// Names the instance in a call made with stub(), and limits it.
  void prepare(grpc::ClientContext& context, std::chrono::milliseconds timeout = kPatience) const;

 private:
  std::string instance_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<wire::PubSub::Stub> stub_;
};

}  // namespace dapr_mqtt::testing
