#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "contract/broker_events.h"
#include "dapr_mqtt/mqtt/paho_client_factory.h"
#include "support/captured_log.h"
#include "support/mosquitto.h"

namespace dapr_mqtt::testing {

inline core::TopicName topic(const std::string& text) {
  return core::TopicName::parse(text).value();
}
inline core::TopicFilter filter(const std::string& text) {
  return core::TopicFilter::parse(text).value();
}
inline core::OutgoingMessage message(const std::string& to, std::string payload, core::QoS qos,
                                     bool retain = false) {
  return {topic(to), std::move(payload), qos, retain, nullptr};
}

inline core::Endpoint tcp_at(const std::string& host, std::uint16_t port = 1883) {
  core::Endpoint endpoint;
  endpoint.host = host;
  endpoint.port = port;
  return endpoint;
}

/// Real clients against a real broker, with a short back-off.
class BrokerContract : public ::testing::Test {
 protected:
  core::ConnectionOptions options_for(const core::Endpoint& endpoint, std::string client_id) const {
    core::ConnectionOptions options;
    options.protocol = protocol_;
    options.endpoints = {endpoint};
    options.client_id = std::move(client_id);
    return options;
  }
  core::ConnectionOptions options(const Mosquitto& broker,
                                  std::string client_id = "contract") const {
    return options_for(broker.endpoint(), std::move(client_id));
  }

  std::unique_ptr<core::BrokerPublisher> publisher(core::ConnectionOptions options,
                                                   RecordingListener& listener) {
    auto made = factory_->make_publisher(std::move(options), listener, base::Log(log_));
    made->open();
    return made;
  }
  std::unique_ptr<core::BrokerConsumer> consumer(core::ConnectionOptions options,
                                                 RecordingListener& listener,
                                                 core::MessageSink& sink,
                                                 core::PacketStore* packets = nullptr) {
    auto made =
        factory_->make_consumer(std::move(options), listener, sink, packets, base::Log(log_));
    made->open();
    return made;
  }

  /// Publishes and waits for the answer.
  static base::Status publish(core::BrokerPublisher& publisher,
                              const core::OutgoingMessage& message) {
    auto answer = std::make_shared<Awaited<base::Status>>();
    if (auto taken =
            publisher.publish(message, [answer](base::Status s) { answer->set(std::move(s)); });
        !taken.ok()) {
      return taken;
    }
    return answer->next().value_or(base::deadline_exceeded("no answer to a publish"));
  }
  static base::Result<core::QoS> subscribe(core::BrokerConsumer& consumer, const std::string& to,
                                           core::QoS qos) {
    auto answer = std::make_shared<Awaited<base::Result<core::QoS>>>();
    core::SubscribeOptions options;
    options.qos = qos;
    consumer.subscribe(filter(to), options,
                       [answer](base::Result<core::QoS> r) { answer->set(std::move(r)); });
    auto granted = answer->next();
    return granted ? *granted : base::deadline_exceeded("no answer to a subscribe");
  }
  template <typename Connection>
  static void close(Connection& connection) {
    auto closed = std::make_shared<Awaited<bool>>();
    connection.close([closed] { closed->set(true); });
    EXPECT_TRUE(closed->next().has_value());
  }

  core::ProtocolVersion protocol_ = core::ProtocolVersion::kMqtt311;
  CapturedLog log_;
  std::unique_ptr<core::BrokerClientFactory> factory_ =
      mqtt::make_paho_client_factory({.backoff_initial = std::chrono::milliseconds(40),
                                      .backoff_max = std::chrono::milliseconds(400)});
};

/// Tests for both versions of the protocol.
class BothVersions : public BrokerContract,
                     public ::testing::WithParamInterface<core::ProtocolVersion> {
 protected:
  BothVersions() { protocol_ = GetParam(); }
};

inline std::string version_name(core::ProtocolVersion version) {
  return version == core::ProtocolVersion::kMqtt5 ? "mqtt5" : "mqtt311";
}

}  // namespace dapr_mqtt::testing
