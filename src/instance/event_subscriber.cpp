#include "instance/event_subscriber.h"

#include <cstring>
#include <string>
#include <utility>

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::instance {
namespace {

constexpr std::string_view kRemedy =
    "cloudEvents: auto, in the Component or in the subscription's metadata, makes events of such "
    "payloads";

/// This and the next are quick guesses, since they run for every message.
bool may_be_object(std::string_view payload) {
  const std::size_t first = payload.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && payload[first] == '{';
}

bool may_be_event(std::string_view payload) {
  constexpr std::string_view kAttribute = "specversion";
  return ::memmem(payload.data(), payload.size(), kAttribute.data(), kAttribute.size()) != nullptr;
}

std::string what(const core::IncomingMessage& message) {
  return "a payload of " + std::to_string(message.payload.size()) + " bytes on topic " +
         base::quote(message.topic);
}

}  // namespace

core::DeliverResult EventSubscriber::deliver(const core::Delivery& delivery) {
  const core::EventOptions& options = maker_.options();
  auto event = maker_.make(delivery);
  if (options.mode == core::CloudEventsMode::kPass && !options.raw_payload) {
    look_at(*delivery.message, event.has_value());
  }
  if (!event && !options.real_topic_name) return subscriber_->deliver(delivery);
  core::Delivery changed = delivery;
  if (event) changed.event = std::make_shared<const std::string>(*std::move(event));
  changed.real_topic_name = options.real_topic_name;
  return subscriber_->deliver(changed);
}

void EventSubscriber::look_at(const core::IncomingMessage& message, bool dangerous) {
  if (dangerous) {
    if (const auto line = dangers_.pass(
            "trace",
            what(message) + " could end daprd's process, since its traceparent or traceid is "
                            "no text: it goes to the app as the data of a CloudEvent",
            time_.now())) {
      log_.warn(*line);
    }
  } else if (!may_be_object(message.payload)) {
    if (const auto line =
            refusals_.pass("no object",
                           what(message) +
                               " is no CloudEvent, and daprd will refuse it (\"error deserializing "
                               "cloud event\"). " +
                               std::string(kRemedy) +
                               "; or set rawPayload: \"true\" in the "
                               "subscription's metadata",
                           time_.now())) {
      log_.warn(*line);
    }
  } else if (!plain_object_seen_ && !may_be_event(message.payload)) {
    plain_object_seen_ = true;
    log_.info(what(message) +
              " is a JSON object, but no CloudEvent: HTTP apps get it as it is, "
              "gRPC and streaming apps find no data in it. " +
              std::string(kRemedy));
  }
}

}  // namespace dapr_mqtt::instance
