#include "inspect/link.h"

#include <algorithm>
#include <utility>

namespace dapr_mqtt::inspect {
namespace {

/// A topic may be busy; ours comes soon.
constexpr std::size_t kMaxKept = 64;
/// The connection's own word comes at the end of its time; ours is the last one.
constexpr std::chrono::milliseconds kForReporting{500};

base::Status no_answer(const std::string& packet) {
  return base::deadline_exceeded("the broker does not answer " + packet);
}

}  // namespace

Connected FirstWord::wait(std::chrono::milliseconds timeout) const {
  if (auto word = answer_.wait(timeout + kForReporting)) return std::move(*word);
  return no_answer("CONNECT");
}

void Received::on_message(core::IncomingMessage message) noexcept {
  base::MutexLock lock(mutex_);
  messages_.push_back(std::move(message));
  if (messages_.size() > kMaxKept) messages_.pop_front();
  come_.notify_all();
}

std::optional<core::IncomingMessage> Received::wait(const std::string& payload,
                                                    std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  base::MutexLock lock(mutex_);
  for (;;) {
    const auto ours = std::find_if(messages_.begin(), messages_.end(), [&](const auto& message) {
      return message.payload == payload;
    });
    if (ours != messages_.end()) return *ours;
    if (!come_.wait_until(mutex_, deadline)) return std::nullopt;
  }
}

ConsumerLink::ConsumerLink(core::BrokerClientFactory& factory, const base::Log& log,
                           core::ConnectionOptions options)
    : consumer_(factory.make_consumer(std::move(options), first_word_, received_, nullptr, log)) {}

Connected ConsumerLink::connect(std::chrono::milliseconds timeout) {
  consumer_->open();
  return first_word_.wait(timeout);
}

base::Result<core::QoS> ConsumerLink::subscribe(const core::TopicFilter& filter, core::QoS qos,
                                                std::chrono::milliseconds timeout) {
  const Answer<base::Result<core::QoS>> answer;
  core::SubscribeOptions options;
  options.qos = qos;
  consumer_->subscribe(filter, options,
                       [answer](base::Result<core::QoS> granted) { answer.give(std::move(granted)); });
  if (auto granted = answer.wait(timeout)) return std::move(*granted);
  return no_answer("SUBSCRIBE");
}

void ConsumerLink::close(std::chrono::milliseconds timeout) {
  const Answer<bool> closed;
  consumer_->close([closed] { closed.give(true); });
  closed.wait(timeout);
}

PublisherLink::PublisherLink(core::BrokerClientFactory& factory, const base::Log& log,
                             core::ConnectionOptions options)
    : publisher_(factory.make_publisher(std::move(options), first_word_, log)) {}

Connected PublisherLink::connect(std::chrono::milliseconds timeout) {
  publisher_->open();
  return first_word_.wait(timeout);
}

base::Status PublisherLink::publish(const core::OutgoingMessage& message,
                                    std::chrono::milliseconds timeout) {
  const Answer<base::Status> answer;
  base::Status taken =
      publisher_->publish(message, [answer](base::Status status) { answer.give(std::move(status)); });
  if (!taken.ok()) return taken;
  if (auto status = answer.wait(timeout)) return std::move(*status);
  return no_answer("PUBLISH");
}

}  // namespace dapr_mqtt::inspect
