#pragma once

#include <memory>
#include <utility>

#include "dapr_mqtt/core/broker.h"
#include "instance/own_messages.h"

namespace dapr_mqtt::instance {

/// A publisher that adds the instance's mark to messages, while one is needed. The
/// mark is added when a message is sent, not when the publish is requested: at that
/// time the subscription that the publish waits for may not have asked for noLocal.
class MarkingPublisher final : public core::BrokerPublisher {
 public:
  MarkingPublisher(std::unique_ptr<core::BrokerPublisher> real, const OwnMessages& own)
      : real_(std::move(real)), own_(own) {}

  void open() override { real_->open(); }
  void close(std::function<void()> closed) override { real_->close(std::move(closed)); }
  void reconnect(base::Status cause) override { real_->reconnect(std::move(cause)); }
  base::Status publish(const core::OutgoingMessage& message, Completion done) override {
    if (!own_.used()) return real_->publish(message, std::move(done));
    return real_->publish(own_.marked(message), std::move(done));
  }
  std::size_t max_in_flight(core::QoS qos) const override { return real_->max_in_flight(qos); }

 private:
  const std::unique_ptr<core::BrokerPublisher> real_;
  const OwnMessages& own_;
};

}  // namespace dapr_mqtt::instance
