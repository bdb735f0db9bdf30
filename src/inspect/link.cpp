#include "inspect/link.h"

#include <algorithm>
#include <utility>

namespace dapr_mqtt::inspect {
namespace {

/// Others may publish much to the topic, but the check's message comes soon.
constexpr std::size_t kMaxKept = 64;
/// The connection reports its own timeout first; this is the time for the report.
constexpr std::chrono::milliseconds kForReporting{500};

base::Status no_answer(const std::string& packet) {
  return base::deadline_exceeded("the broker does not answer " + packet);
}

}  // namespace

Connected ConnectOutcome::wait(std::chrono::milliseconds timeout,
                               const std::stop_token& stop) const {
  if (auto outcome = answer_.wait(timeout + kForReporting, stop)) return std::move(*outcome);
  return no_answer("CONNECT");
}

bool Received::on_message(core::IncomingMessage message) noexcept {
  message.receipt.give();
  base::MutexLock lock(mutex_);
  retained_came_ |= message.retained;
  messages_.push_back(std::move(message));
  if (messages_.size() > kMaxKept) messages_.pop_front();
  arrived_.notify_all();
  return true;
}

std::optional<core::IncomingMessage> Received::wait(const std::string& payload,
                                                    std::chrono::milliseconds timeout,
                                                    const std::stop_token& stop) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  const std::stop_callback wake(stop, [this] {
    base::MutexLock lock(mutex_);
    arrived_.notify_all();
  });
  base::MutexLock lock(mutex_);
  for (;;) {
    const auto ours = std::find_if(messages_.begin(), messages_.end(),
                                   [&](const auto& message) { return message.payload == payload; });
    if (ours != messages_.end()) return *ours;
    if (stop.stop_requested() || !arrived_.wait_until(mutex_, deadline)) return std::nullopt;
  }
}

bool Received::wait_for_retained(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  base::MutexLock lock(mutex_);
  while (!retained_came_ && arrived_.wait_until(mutex_, deadline)) {
  }
  return retained_came_;
}

ConsumerLink::ConsumerLink(core::BrokerClientFactory& factory, const base::Log& log,
                           core::ConnectionOptions options, std::stop_token stop)
    : stop_(std::move(stop)),
      consumer_(
          factory.make_consumer(std::move(options), connect_outcome_, received_, nullptr, log)) {}

Connected ConsumerLink::connect(std::chrono::milliseconds timeout) {
  consumer_->open();
  return connect_outcome_.wait(timeout, stop_);
}

base::Result<core::QoS> ConsumerLink::subscribe(const core::TopicFilter& filter, core::QoS qos,
                                                std::chrono::milliseconds timeout) {
  const Answer<base::Result<core::QoS>> answer;
  core::SubscribeOptions options;
  options.qos = qos;
  consumer_->subscribe(filter, options, [answer](base::Result<core::QoS> granted) {
    answer.give(std::move(granted));
  });
  if (auto granted = answer.wait(timeout, stop_)) return std::move(*granted);
  return no_answer("SUBSCRIBE");
}

void ConsumerLink::close(std::chrono::milliseconds timeout) {
  const Answer<bool> closed;
  consumer_->close([closed] { closed.give(true); });
  closed.wait(timeout);
}

PublisherLink::PublisherLink(core::BrokerClientFactory& factory, const base::Log& log,
                             core::ConnectionOptions options, std::stop_token stop)
    : stop_(std::move(stop)),
      publisher_(factory.make_publisher(std::move(options), connect_outcome_, log)) {}

Connected PublisherLink::connect(std::chrono::milliseconds timeout) {
  publisher_->open();
  return connect_outcome_.wait(timeout, stop_);
}

base::Status PublisherLink::publish(const core::OutgoingMessage& message,
                                    std::chrono::milliseconds timeout) {
  const Answer<base::Status> answer;
  base::Status taken = publisher_->publish(
      message, [answer](base::Status status) { answer.give(std::move(status)); });
  if (!taken.ok()) return taken;
  if (auto status = answer.wait(timeout, stop_)) return std::move(*status);
  return no_answer("PUBLISH");
}

}  // namespace dapr_mqtt::inspect
