#pragma once

#include <memory>
#include <utility>

#include "dapr_mqtt/core/broker.h"
#include "instance/own_messages.h"

namespace dapr_mqtt::instance {

/// A publisher whose messages carry the instance's mark, while one is needed. Put
/// on when they are sent, not when they are asked for: a publish may be asked for
/// before the subscription that it waits for has said what it wants.
class MarkingPublisher final : public core::BrokerPublisher {
 public:
  MarkingPublisher(std::unique_ptr<core::BrokerPublisher> real, const OwnMessages& own)
      : real_(std::move(real)), own_(own) {}

  void open() override { real_->open(); }
  void close(std::function<void()> closed) override { real_->close(std::move(closed)); }
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
