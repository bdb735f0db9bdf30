#include "pull_client.h"

#include <utility>

namespace dapr_mqtt::bench {

PullClient::PullClient(testing::ComponentClient& client, const std::string& topic, Acks acks,
                       OnMessage on_message, const testing::Properties& metadata)
    : acks_(acks), on_message_(std::move(on_message)) {
  client.prepare(context_, std::chrono::hours(1));
  client.stub().async()->PullMessages(&context_, this);
  request_.mutable_topic()->set_name(topic);
  request_.mutable_topic()->mutable_metadata()->insert(metadata.begin(), metadata.end());
  AddHold();  // writes begin outside the reactions, too
  StartWrite(&request_);
  StartRead(&response_);
  StartCall();
}

PullClient::~PullClient() {
  RemoveHold();
  context_.TryCancel();
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return ended_; });
}

void PullClient::OnReadDone(bool ok) {
  if (!ok) return;
  on_message_(response_);
  received();
  StartRead(&response_);
}

void PullClient::received() {
  switch (acks_) {
    case Acks::kSequential:
      return acknowledge(std::move(*response_.mutable_id()));
    case Acks::kParallel: {
      std::string id;
      {
        const std::lock_guard lock(mutex_);
        held_.push_back(std::move(*response_.mutable_id()));
        if (held_.size() < kHeld) return;
        // Anything but their order.
        constexpr std::size_t kStep = 5;
        turn_ = (turn_ + kStep) % held_.size();
        id = std::exchange(held_[turn_], std::move(held_.back()));
        held_.pop_back();
      }
      return acknowledge(std::move(id));
    }
    case Acks::kNone:
      return;
  }
}

void PullClient::acknowledge(std::string id) {
  {
    const std::lock_guard lock(mutex_);
    to_acknowledge_.push_back(std::move(id));
    if (writing_ || ended_) return;
    writing_ = true;
  }
  write();
}

/// By whoever has set writing_; something is to be written.
void PullClient::write() {
  {
    const std::lock_guard lock(mutex_);
    request_.Clear();
    request_.set_ack_message_id(std::move(to_acknowledge_.front()));
    to_acknowledge_.pop_front();
  }
  StartWrite(&request_);
}

void PullClient::OnWriteDone(bool ok) {
  {
    const std::lock_guard lock(mutex_);
    if (!ok || to_acknowledge_.empty()) {
      writing_ = false;
      return;
    }
  }
  write();
}

void PullClient::OnDone(const grpc::Status&) {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  done_.notify_all();
}

}  // namespace dapr_mqtt::bench
