#include "dapr/pull_stream.h"

#include <google/protobuf/io/coded_stream.h>

#include <new>
#include <optional>
#include <utility>

#include "dapr/delivery_errors.h"
#include "dapr/message_metadata.h"
#include "dapr/status_codes.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::dapr {
namespace {

/// Far above any window: only a dispatcher that lost count gets there.
constexpr std::size_t kMaxQueued = 100'000;

/// What the response will have encoded, its data included.
std::size_t encoded_size(const wire::PullMessagesResponse& without_data, std::size_t data_bytes) {
  std::size_t size = without_data.ByteSizeLong();
  if (data_bytes > 0) {
    constexpr std::size_t kTag = 1;  // field number 1
    size += kTag + google::protobuf::io::CodedOutputStream::VarintSize64(data_bytes) + data_bytes;
  }
  return size;
}

}  // namespace

void PullStream::begin(PullWire& wire, std::shared_ptr<InstanceRegistry> registry, InstanceKey key,
                       std::size_t max_delivery_bytes, const base::Log& log) {
  const auto stream = std::make_shared<PullStream>(wire, std::move(registry), std::move(key),
                                                   max_delivery_bytes, log);
  {
    base::MutexLock lock(stream->mutex_);
    stream->self_ = stream;
  }
  wire.attach(*stream);
  stream->open();
}

PullStream::PullStream(PullWire& wire, std::shared_ptr<InstanceRegistry> registry, InstanceKey key,
                       std::size_t max_delivery_bytes, const base::Log& log)
    : wire_(wire),
      registry_(std::move(registry)),
      key_(std::move(key)),
      max_delivery_bytes_(max_delivery_bytes),
      log_(log) {}

void PullStream::open() {
  const auto self = shared_from_this();
  const auto instance = registry_->attach(key_, self);
  if (!instance.ok()) return end(instance.status());
  auto stream = instance.value()->open_stream(self);
  bool ended = false;
  {
    base::MutexLock lock(mutex_);
    stream_ = stream;
    ended = ending_;  // the instance was closed in between
  }
  if (ended) return stream->close();
  wire_.read(&request_);
}

core::DeliverResult PullStream::deliver(const core::Delivery& delivery) {
  Pending pending{std::make_unique<wire::PullMessagesResponse>(), delivery.message, delivery.event};
  wire::PullMessagesResponse& response = *pending.response;
  response.set_id(std::to_string(delivery.id));
  for (auto& [key, value] : message_metadata(delivery)) {
    (*response.mutable_metadata())[key] = std::move(value);
  }
  bool overflow = false;
  {
    base::MutexLock lock(mutex_);
    // Apps with daprd's SDKs find their handler by the topic that they subscribed to. With a
    // wildcard that is not the message's own topic (which is in the metadata), so a subscription
    // has to ask for the own topic. A topic that is not UTF-8 would make daprd end the stream, each
    // time that the message comes. Without a content type, daprd treats the data as a CloudEvent.
    const std::string& own = delivery.message->topic;
    response.set_topic_name(delivery.real_topic_name && base::is_valid_utf8(own) ? own : topic_);
    if (encoded_size(response, delivery.data().size()) > max_delivery_bytes_) {
      return core::DeliverResult::kTooLarge;
    }
    if (ending_) return core::DeliverResult::kClosed;
    overflow = queue_.size() >= kMaxQueued;
    if (!overflow && writing_) {
      queue_.push_back(std::move(pending));
      return core::DeliverResult::kSent;
    }
    if (!overflow) writing_ = true;
  }
  if (overflow) {
    end(base::internal_error("more deliveries than any window allows"));
    return core::DeliverResult::kClosed;
  }
  write(pending, false);
  return core::DeliverResult::kSent;
}

/// By whoever has set writing_.
void PullStream::write(const Pending& pending, bool more) {
  try {
    pending.response->set_data(pending.event ? *pending.event : pending.message->payload);
  } catch (const std::bad_alloc&) {
    // No write is open, so no on_written() would come to finish the stream.
    end(base::resource_exhausted("no memory to write a message"));
    return on_written(false);
  }
  wire_.write(*pending.response, more);
}

void PullStream::on_written(bool ok) {
  std::optional<Pending> next;
  std::optional<grpc::Status> finish;
  bool more = false;
  {
    base::MutexLock lock(mutex_);
    // A failed write means the stream is dead; the read that is open says so
    // too, and ends it.
    if (ending_) {
      writing_ = false;
      finish = end_status_;
    } else if (queue_.empty() || !ok) {
      writing_ = false;
    } else {
      next = std::move(queue_.front());
      queue_.pop_front();
      more = !queue_.empty();
    }
  }
  if (finish) {
    wire_.finish(*finish);
  } else if (next) {
    write(*next, more);
  } else if (!ok) {
    end({});
  }
}

void PullStream::end(const base::Status& status) {
  std::deque<Pending> dropped;
  std::shared_ptr<instance::Stream> stream;
  std::optional<grpc::Status> finish;
  grpc::Status reason = to_grpc(status);
  {
    base::MutexLock lock(mutex_);
    if (ending_) return;
    ending_ = true;
    end_status_ = std::move(reason);
    dropped.swap(queue_);
    stream = stream_;
    if (!writing_) finish = end_status_;
  }
  if (stream) stream->close();
  // gRPC may destroy this object from here on.
  if (finish) wire_.finish(*finish);
}

void PullStream::on_read(bool ok) {
  // Half close, cancellation or a lost connection: the peer takes no more messages. Unlike gRPC's
  // event for the cancellation itself, this cannot overtake acknowledgements that came before it.
  if (!ok) return end({});
  handle_request();
  bool go_on = false;
  {
    base::MutexLock lock(mutex_);
    go_on = !ending_;
  }
  if (go_on) wire_.read(&request_);
}

void PullStream::handle_request() {
  std::shared_ptr<instance::Stream> stream;
  bool first = false;
  {
    base::MutexLock lock(mutex_);
    stream = stream_;
    first = topic_.empty();
  }
  if (first || !request_.topic().name().empty()) {
    if (base::Status status = handle_topic(); !status.ok()) end(status);
    return;
  }
  if (request_.ack_message_id().empty()) {
    log_.debug("a pull request without topic and message ID was ignored");
    return;
  }
  // The field's presence is what says that the message was not handled, not its text.
  std::optional<core::DeliveryError> error;
  if (request_.has_ack_error()) {
    error = delivery_error(std::move(*request_.mutable_ack_error()->mutable_message()));
  }
  stream->acknowledge(request_.ack_message_id(), std::move(error));
}

base::Status PullStream::handle_topic() {
  const wire::Topic& topic = request_.topic();
  if (topic.name().empty()) {
    return base::invalid_argument("the first request of a PullMessages stream names no topic");
  }
  std::shared_ptr<instance::Stream> stream;
  {
    base::MutexLock lock(mutex_);
    if (!topic_.empty()) {
      return base::invalid_argument("a PullMessages stream takes one topic: it has " +
                                    base::quote(topic_) + ", then came " +
                                    base::quote(topic.name()));
    }
    topic_ = topic.name();
    stream = stream_;
  }
  return stream->subscribe(topic.name(), to_metadata(topic.metadata()));
}

void PullStream::on_done() {
  std::shared_ptr<PullStream> self;
  std::shared_ptr<instance::Stream> stream;
  {
    base::MutexLock lock(mutex_);
    self.swap(self_);
    stream.swap(stream_);
  }
  registry_->detach(key_, self);
}

}  // namespace dapr_mqtt::dapr
