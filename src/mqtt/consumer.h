#pragma once

#include "dapr_mqtt/core/broker.h"
#include "mqtt/connection.h"

namespace dapr_mqtt::mqtt {

/// core::BrokerConsumer with Paho.
class PahoConsumer final : public core::BrokerConsumer {
 public:
  PahoConsumer(Connection::Settings settings, core::ConnectionListener& listener,
               core::MessageSink& sink, core::PacketStore* packets, base::Log log,
               std::shared_ptr<transport::Resolver> resolver);

  void open() override { connection_.open(); }
  void close(std::function<void()> closed) override { connection_.close(std::move(closed)); }
  void reconnect(base::Status cause) override { connection_.reconnect(std::move(cause)); }
  void subscribe(const core::TopicFilter& filter, const core::SubscribeOptions& options,
                 Subscribed done) override;
  void unsubscribe(const core::TopicFilter& filter, Unsubscribed done) override;
  void suspend() override { connection_.suspend(); }
  void resume() override { connection_.resume(); }

 private:
  Connection connection_;
};

}  // namespace dapr_mqtt::mqtt
