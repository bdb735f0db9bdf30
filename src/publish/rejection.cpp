#include "publish/rejection.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::publish {
namespace {

/// A broker that closes a connection because of a publish does so within this time.
constexpr base::Duration kClosesWithin = std::chrono::seconds(5);

/// The settings of brokers that may reject such a message.
std::string settings_to_look_at(const MessageFacts& message) {
  std::string text = "the packet size limit (mosquitto: max_packet_size)";
  if (message.qos != core::QoS::kAtMostOnce) text += ", the highest QoS (mosquitto: max_qos)";
  if (message.retain) text += ", whether it keeps retained messages (mosquitto: retain_available)";
  text += ", the most topic levels (mosquitto: 201), and the access control list for this topic";
  return text;
}

}  // namespace

MessageFacts::MessageFacts(const core::OutgoingMessage& message, std::size_t payload_bytes)
    : topic(message.topic.str()),
      bytes(payload_bytes),
      levels(1 + static_cast<std::size_t>(std::count(topic.begin(), topic.end(), '/'))),
      qos(message.qos),
      retain(message.retain) {}

std::string MessageFacts::str() const {
  return std::to_string(bytes) + " bytes of payload, QoS " + std::to_string(core::to_int(qos)) +
         (retain ? ", retained, " : ", ") + std::to_string(levels) +
         (levels == 1 ? " topic level" : " topic levels");
}

base::Status rejected(const MessageFacts& message, const base::Status& how_it_closed) {
  return base::failed_precondition(
      "topic " + base::quote(message.topic) +
      ": the broker rejects this message: it closed the connection twice when the message was "
      "sent, the second time with nothing else sent (" +
      how_it_closed.message() + "). The message has " + message.str() +
      ". Check what the broker allows: " + settings_to_look_at(message));
}

void UnansweredPublishes::sent(const core::OutgoingMessage& message, base::TimePoint now) {
  const std::size_t bytes = message.payload.size();
  const bool old = !likeliest_ || now - sent_ > kClosesWithin;
  if (!old &&
      std::tuple(message.retain, bytes) <= std::tuple(likeliest_->retain, likeliest_->bytes)) {
    return;
  }
  likeliest_ = MessageFacts(message, bytes);
  sent_ = now;
}

std::optional<std::string> UnansweredPublishes::closed(base::TimePoint now) {
  const std::optional<MessageFacts> message = std::exchange(likeliest_, std::nullopt);
  if (!message || now - sent_ > kClosesWithin) return std::nullopt;
  return repeats_.pass(
      "closed",
      "the broker closed the connection shortly after publishes of QoS 0, which brokers never "
      "answer: if it rejects one of them, it is most likely the one to topic " +
          base::quote(message->topic) + " with " + message->str() +
          ". Check what the broker allows: " + settings_to_look_at(*message),
      now);
}

}  // namespace dapr_mqtt::publish
