#include "instance/dead_letter_message.h"

#include <algorithm>
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

/// Text for a property: without control characters, valid UTF-8, and cut.
std::string plain(std::string_view text) {
  const std::string quoted = base::quote(text, kMaxError);
  return quoted.substr(1, quoted.size() - 2);
}

std::uint32_t attempts(const delivery::GivenUp& given_up) {
  // A message that is too large was never delivered.
  const bool tried = given_up.reason != delivery::GivenUp::Reason::kTooLarge;
  return given_up.delivery.attempt - (tried ? 0 : 1);
}

bool whole(const core::IncomingMessage& message) { return message.full_size == 0; }

/// Removes an incomplete character at the end: the beginning of a payload may be cut anywhere.
std::string_view without_half_character(std::string_view beginning) {
  const auto byte = [&](std::size_t from_end) {
    return static_cast<unsigned char>(beginning[beginning.size() - from_end]);
  };
  constexpr std::size_t kMostOfACharacter = 3;
  for (std::size_t cut = 1; cut <= std::min(kMostOfACharacter, beginning.size()); ++cut) {
    if ((byte(cut) & 0xc0U) == 0x80U) continue;  // not its first byte
    const bool begins_one = byte(cut) >= 0xc2 && byte(cut) <= 0xf4;
    const bool whole = base::is_valid_utf8(beginning.substr(beginning.size() - cut));
    return begins_one && !whole ? beginning.substr(0, beginning.size() - cut) : beginning;
  }
  return beginning;
}

std::shared_ptr<const core::MessageProperties> properties_of(const delivery::GivenUp& given_up) {
  const core::IncomingMessage& message = *given_up.delivery.message;
  // The properties of a message that is not whole describe the missing payload, and may be long.
  auto properties = message.properties && whole(message)
                        ? std::make_shared<core::MessageProperties>(*message.properties)
                        : std::make_shared<core::MessageProperties>();
  properties->expiry.reset();  // a dead letter must not expire
  auto& user = properties->user_properties;
  user.emplace_back("dead-letter-topic", message.topic);
  user.emplace_back("dead-letter-reason", name_of(given_up.reason));
  user.emplace_back("dead-letter-error", plain(given_up.error));
  user.emplace_back("dead-letter-attempts", std::to_string(attempts(given_up)));
  if (!whole(message)) user.emplace_back("dead-letter-size", std::to_string(message.full_size));
  return properties;
}

std::string envelope_of(const delivery::GivenUp& given_up) {
  const core::IncomingMessage& message = *given_up.delivery.message;
  const std::string_view payload =
      whole(message) ? message.payload : without_half_character(message.payload);
  const bool text = base::is_valid_utf8(payload);
  nlohmann::ordered_json envelope;
  envelope["topic"] = message.topic;
  envelope["reason"] = name_of(given_up.reason);
  envelope["error"] = plain(given_up.error);
  envelope["attempts"] = attempts(given_up);
  envelope["qos"] = core::to_int(message.qos);
  envelope["retained"] = message.retained;
  if (!whole(message)) envelope["size"] = message.full_size;
  envelope["payloadEncoding"] = text ? "utf-8" : "base64";
  envelope["payload"] = text ? std::string(payload) : base::to_base64(payload);
  // The topic may hold any bytes: replace invalid ones instead of throwing.
  return envelope.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

core::OutgoingMessage dead_letter_message(const delivery::GivenUp& given_up,
                                          const core::TopicName& topic,
                                          core::ProtocolVersion protocol) {
  if (protocol == core::ProtocolVersion::kMqtt5) {
    return {topic, given_up.delivery.message->payload, core::QoS::kAtLeastOnce, false,
            properties_of(given_up)};
  }
  return {topic, envelope_of(given_up), core::QoS::kAtLeastOnce, false, nullptr};
}

}  // namespace dapr_mqtt::instance
