#include "mqtt/publisher.h"

#include <algorithm>
#include <utility>

namespace dapr_mqtt::mqtt {
namespace {

/// Paho walks three lists of the messages in flight for each message: 29,000 messages a second with
/// 20 open, 22,000 with 100, 12,000 with 10,000 (256 B, QoS 1). More than 20 are faster on a network
/// with some delay.
constexpr std::size_t kWindow = 50;
/// mosquitto's default for max_inflight_messages: it disconnects a client that has more QoS 2
/// exchanges open.
constexpr std::size_t kWindowExactlyOnce = 20;

Connection::Settings clean(Connection::Settings settings) {
  settings.clean_session = true;
  return settings;
}

}  // namespace

PahoPublisher::PahoPublisher(Connection::Settings settings, core::ConnectionListener& listener,
                             base::Log log, std::shared_ptr<transport::Resolver> resolver)
    : protocol_(settings.options.protocol),
      connection_(clean(std::move(settings)), listener, nullptr, nullptr, std::move(log),
                  std::move(resolver)) {}

base::Status PahoPublisher::publish(const core::OutgoingMessage& message, Completion done) {
  // A message over the protocol's own limits is invalid, connected or not.
  if (base::Status status = check_publish({}, protocol_, message); !status.ok()) return status;
  const auto client = connection_.client();
  if (!client) return base::unavailable("not connected to the broker");
  return client->publish(message, std::move(done));
}

std::size_t PahoPublisher::max_in_flight(core::QoS qos) const {
  const std::size_t ours = qos == core::QoS::kExactlyOnce ? kWindowExactlyOnce : kWindow;
  if (protocol_ != core::ProtocolVersion::kMqtt5) return ours;
  // More than the receive maximum would be a protocol error (MQTT-3.3.4-9).
  const auto client = connection_.client();
  return client ? std::min<std::size_t>(ours, client->limits().receive_maximum) : ours;
}

}  // namespace dapr_mqtt::mqtt
