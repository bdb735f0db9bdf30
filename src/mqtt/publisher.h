#pragma once

#include "dapr_mqtt/core/broker.h"
#include "mqtt/connection.h"

namespace dapr_mqtt::mqtt {

/// core::BrokerPublisher with Paho. Its session is always clean: messages in flight when the
/// connection broke fail with UNAVAILABLE, and the caller decides whether to send them again; Paho
/// must not send them again too.
class PahoPublisher final : public core::BrokerPublisher {
 public:
  PahoPublisher(Connection::Settings settings, core::ConnectionListener& listener, base::Log log,
                std::shared_ptr<transport::Resolver> resolver);

  void open() override { connection_.open(); }
  void close(std::function<void()> closed) override { connection_.close(std::move(closed)); }
  void reconnect(base::Status cause) override { connection_.reconnect(std::move(cause)); }
  base::Status publish(const core::OutgoingMessage& message, Completion done) override;
  std::size_t max_in_flight(core::QoS qos) const override;

 private:
  const core::ProtocolVersion protocol_;
  Connection connection_;
};

}  // namespace dapr_mqtt::mqtt
