// How CloudEvents are handled: for a Component, a subscription or a publish.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dapr_mqtt/core/topic_pattern.h"

namespace dapr_mqtt::core {

/// What is done with a received payload before daprd gets it.
enum class CloudEventsMode {
  kPass,  ///< nothing: daprd parses the payload itself
  kAuto,  ///< a payload that is not a CloudEvent becomes the data of one
  kWrap,  ///< every payload becomes the data of a CloudEvent
};

inline constexpr std::string_view kCloudEventsModes = "one of auto, wrap, pass";
constexpr std::optional<CloudEventsMode> parse_cloud_events_mode(std::string_view text) {
  if (text == "auto") return CloudEventsMode::kAuto;
  if (text == "wrap") return CloudEventsMode::kWrap;
  if (text == "pass") return CloudEventsMode::kPass;
  return std::nullopt;
}

/// Which part of daprd's CloudEvent is published.
enum class PublishPayload {
  kEvent,  ///< all of it, as JSON
  kData,   ///< its data alone
};

inline constexpr std::string_view kPublishPayloads = "one of event, data";
constexpr std::optional<PublishPayload> parse_publish_payload(std::string_view text) {
  if (text == "event") return PublishPayload::kEvent;
  if (text == "data") return PublishPayload::kData;
  return std::nullopt;
}

/// The options of one subscription.
struct EventOptions {
  CloudEventsMode mode = CloudEventsMode::kPass;
  std::string type;  ///< the CloudEvents type of the events that are made
  /// daprd makes an event of the bytes itself, so we leave them as they are.
  bool raw_payload = false;
  std::optional<TopicPattern> topic_pattern;  ///< its fields become attributes
  /// daprd gets the topic that a message was published to, not the topic filter.
  bool real_topic_name = false;

  /// Whether messages become events in general. With kPass only those do whose payload could end
  /// daprd's process.
  bool makes_events() const { return mode != CloudEventsMode::kPass && !raw_payload; }
};

}  // namespace dapr_mqtt::core
