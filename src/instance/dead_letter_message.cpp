#include "instance/dead_letter_message.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "dapr_mqtt/base/encoding.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::instance {
namespace {

/// An app's error may be a whole page.
constexpr std::size_t kMaxError = 1024;

std::string_view name_of(delivery::GivenUp::Reason reason) {
  return reason == delivery::GivenUp::Reason::kTooLarge ? "too-large" : "retries-spent";
}

/// Fit for a property: no control characters, valid UTF-8, cut.
std::string plain(std::string_view text) {
  const std::string quoted = base::quote(text, kMaxError);
  return quoted.substr(1, quoted.size() - 2);
}

std::uint32_t attempts(const delivery::GivenUp& given_up) {
  // One that is too large never gets as far as an attempt.
  const bool tried = given_up.reason != delivery::GivenUp::Reason::kTooLarge;
  return given_up.delivery.attempt - (tried ? 0 : 1);
}

std::shared_ptr<const core::MessageProperties> properties_of(const delivery::GivenUp& given_up) {
  const core::IncomingMessage& message = *given_up.delivery.message;
  auto properties = message.properties
                        ? std::make_shared<core::MessageProperties>(*message.properties)
                        : std::make_shared<core::MessageProperties>();
  properties->expiry.reset();  // it is to be found
  auto& user = properties->user_properties;
  user.emplace_back("dead-letter-topic", message.topic);
  user.emplace_back("dead-letter-reason", name_of(given_up.reason));
  user.emplace_back("dead-letter-error", plain(given_up.error));
  user.emplace_back("dead-letter-attempts", std::to_string(attempts(given_up)));
  return properties;
}

std::string envelope_of(const delivery::GivenUp& given_up) {
  const core::IncomingMessage& message = *given_up.delivery.message;
  const bool text = base::is_valid_utf8(message.payload);
  nlohmann::ordered_json envelope;
  envelope["topic"] = message.topic;
  envelope["reason"] = name_of(given_up.reason);
  envelope["error"] = plain(given_up.error);
  envelope["attempts"] = attempts(given_up);
  envelope["qos"] = core::to_int(message.qos);
  envelope["retained"] = message.retained;
  envelope["payloadEncoding"] = text ? "utf-8" : "base64";
  envelope["payload"] = text ? message.payload : base::to_base64(message.payload);
  // Any bytes in the topic: replaced rather than thrown over.
  return envelope.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

core::OutgoingMessage dead_letter_message(const delivery::GivenUp& given_up,
                                          const core::TopicName& topic, core::QoS qos,
                                          core::ProtocolVersion protocol) {
  if (protocol == core::ProtocolVersion::kMqtt5) {
    return {topic, given_up.delivery.message->payload, qos, false, properties_of(given_up)};
  }
  return {topic, envelope_of(given_up), qos, false, nullptr};
}

}  // namespace dapr_mqtt::instance
