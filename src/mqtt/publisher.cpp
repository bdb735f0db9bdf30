#include "mqtt/publisher.h"

#include <utility>

namespace dapr_mqtt::mqtt {
namespace {

/// Paho walks three lists for each message in flight: 29,000 messages a second
/// with 20 open, 22,000 with 100, 12,000 with 10,000 (256 B, QoS 1). More than 20
/// pay on a network with some delay.
constexpr std::size_t kWindow = 50;
/// mosquitto's default for max_inflight_messages: it drops a client that has more
/// QoS 2 exchanges open.
constexpr std::size_t kWindowExactlyOnce = 20;
/// The largest remaining length (MQTT 3.1.1 section 2.2.3); topic, its length and
/// the packet identifier count too.
constexpr std::size_t kMaxRemainingLength = 268'435'455;
constexpr std::size_t kLengthAndIdentifier = 4;

Connection::Settings clean(Connection::Settings settings) {
  settings.clean_session = true;
  return settings;
}

}  // namespace

PahoPublisher::PahoPublisher(Connection::Settings settings, core::ConnectionListener& listener,
                             base::Log log, std::shared_ptr<Resolver> resolver)
    : connection_(clean(std::move(settings)), listener, nullptr, nullptr, std::move(log),
                  std::move(resolver)) {}

base::Status PahoPublisher::publish(const core::OutgoingMessage& message, Completion done) {
  const std::size_t size =
      message.topic.str().size() + message.payload.size() + kLengthAndIdentifier;
  if (size > kMaxRemainingLength) {
    return base::invalid_argument("message of " + std::to_string(message.payload.size()) +
                                  " bytes: larger than MQTT allows (256 MiB with its topic)");
  }
  const auto client = connection_.client();
  if (!client) return base::unavailable("not connected to the broker");
  base::Status status = client->publish(message, std::move(done));
  if (status.ok()) connection_.operation_started();
  return status;
}

std::size_t PahoPublisher::max_in_flight(core::QoS qos) const {
  return qos == core::QoS::kExactlyOnce ? kWindowExactlyOnce : kWindow;
}

}  // namespace dapr_mqtt::mqtt
