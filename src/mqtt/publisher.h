#pragma once

#include "dapr_mqtt/core/broker.h"
#include "mqtt/connection.h"

namespace dapr_mqtt::mqtt {

/// core::BrokerPublisher with Paho. Its session is always a clean one: what was in
/// flight when the connection broke is answered UNAVAILABLE and sent again, or
/// not, by whoever published it; Paho must not send it again too.
class PahoPublisher final : public core::BrokerPublisher {
 public:
  PahoPublisher(Connection::Settings settings, core::ConnectionListener& listener, base::Log log,
                std::shared_ptr<Resolver> resolver);

  void open() override { connection_.open(); }
  void close(std::function<void()> closed) override { connection_.close(std::move(closed)); }
  base::Status publish(const core::OutgoingMessage& message, Completion done) override;
  std::size_t max_in_flight(core::QoS qos) const override;

 private:
  const core::ProtocolVersion protocol_;
  Connection connection_;
};

}  // namespace dapr_mqtt::mqtt
