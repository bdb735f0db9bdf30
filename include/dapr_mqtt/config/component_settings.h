// What a Component's metadata means.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/connection_options.h"
#include "dapr_mqtt/core/delivery_order.h"
#include "dapr_mqtt/core/event_options.h"
#include "dapr_mqtt/core/inbox.h"
#include "dapr_mqtt/core/message.h"
#include "dapr_mqtt/core/metadata.h"

namespace dapr_mqtt::config {

/// Where the messages of a persistent session are until the app has handled them.
enum class Inbox {
  kAuto,    ///< at the broker; on disk if they would hold up others
  kBroker,  ///< at the broker
  kDisk,    ///< on disk
};

/// All settings of a Component, checked and typed.
/// deploy/metadata.yaml describes each key for users.
struct ComponentSettings {
  core::ConnectionOptions connection;      ///< client_id is the consumerID, `{uuid}` replaced
  bool random_client_id = false;           ///< from `{uuid}`, which daprd may have replaced
  core::QoS qos = core::QoS::kAtMostOnce;  ///< for publishes and subscriptions that set none
  bool retain = false;                     ///< for publishes that do not set it
  /// Redeliveries after a failure: -1 for ever, 0 none.
  std::int64_t max_retries = 0;
  std::chrono::milliseconds retry_interval{5000};
  /// Every filter is subscribed as $share/<this>/<filter>; empty: as it is.
  std::string consumer_group;
  core::DeliveryOrder order{};     ///< for subscriptions that set none
  std::size_t max_handlers = 100;  ///< unacknowledged messages of one stream
  std::optional<core::TopicName> dead_letter_topic;
  core::CloudEventsMode cloud_events =
      core::CloudEventsMode::kPass;  ///< for subscriptions that set none
  std::string cloud_event_type;      ///< for subscriptions that set none
  core::PublishPayload publish_payload =
      core::PublishPayload::kEvent;  ///< for publishes that set none
  std::chrono::milliseconds publish_timeout{20000};
  bool connect_in_background = false;
  Inbox inbox = Inbox::kAuto;
  core::InboxLimits inbox_limits{100'000, std::size_t{1} << 30U};
  bool inbox_sync_full = false;  ///< each message survives a power cut

  /// For the log: unknown keys with the nearest known one, keys set twice.
  /// Hold no values of secret keys.
  std::vector<std::string> warnings;
};

/// One remark about metadata.
struct Note {
  /// The key's name in the table, or as the user wrote it if the key is unknown.
  std::string key;
  std::string text;  ///< complete, for the user; holds no values of secret keys
};

/// What is known about metadata in a file besides the values. It is empty for
/// daprd's Init, in which all values are present.
struct MetadataContext {
  /// Keys (in any case) whose value is in a secret store or the environment:
  /// given, but not readable here.
  std::vector<std::string> given_elsewhere;
  /// How long daprd waits for Init, if the Component sets it.
  std::optional<std::chrono::milliseconds> init_timeout;
};

struct MetadataReport {
  ComponentSettings settings;  ///< to be used only if there are no problems
  std::vector<Note> problems;
  std::vector<Note> warnings;  ///< the same as in the settings
};

/// All problems and warnings that Init would find, each with its key. Thread-safe.
MetadataReport check_component_metadata(const core::Metadata& metadata,
                                        const MetadataContext& context = {});

/// INVALID_ARGUMENT lists every problem, each with key, value (secrets masked)
/// and what is allowed. No I/O, except that the system's random source is read for
/// `{uuid}`. Thread-safe.
base::Result<ComponentSettings> parse_component_metadata(const core::Metadata& metadata);

}  // namespace dapr_mqtt::config
