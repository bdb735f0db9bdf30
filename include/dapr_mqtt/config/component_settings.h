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
#include "dapr_mqtt/core/inbox.h"
#include "dapr_mqtt/core/message.h"
#include "dapr_mqtt/core/metadata.h"

namespace dapr_mqtt::config {

/// Everything an instance is told by its Component, checked and typed.
/// deploy/metadata.yaml describes each key for users.
struct ComponentSettings {
  core::ConnectionOptions connection;  ///< client_id is the consumerID, `{uuid}` replaced
  bool random_client_id = false;       ///< of `{uuid}`, which daprd may have replaced
  core::QoS qos = core::QoS::kAtMostOnce;  ///< of publishes and subscriptions that name none
  bool retain = false;                     ///< of publishes that name none
  /// Redeliveries after a failure: -1 for ever, 0 none.
  std::int64_t max_retries = 0;
  std::chrono::milliseconds retry_interval{5000};
  /// Every filter is subscribed as $share/<this>/<filter>; empty: as it is.
  std::string consumer_group;
  bool in_order = false;  ///< one message at a time, a failed one again before the next
  std::size_t max_handlers = 100;  ///< unacknowledged messages of one stream
  std::optional<core::TopicName> dead_letter_topic;
  std::chrono::milliseconds publish_timeout{20000};
  bool connect_in_background = false;
  core::InboxLimits inbox{100'000, std::size_t{1} << 30U};
  bool inbox_sync_full = false;  ///< each message survives a power cut

  /// For the log: unknown keys with the nearest known one, keys set twice.
  /// Hold no values of secret keys.
  std::vector<std::string> warnings;
};

/// One remark about metadata.
struct Note {
  /// The key's name in the table; as the user wrote it when it is none of ours.
  std::string key;
  std::string text;  ///< complete, for the user; holds no values of secret keys
};

/// What is known about metadata that stands in a file. daprd's Init has all of it
/// in the values already, so there it is empty.
struct MetadataContext {
  /// Keys (in any case) whose value stands in a secret store or the environment:
  /// given, but not to be read.
  std::vector<std::string> given_elsewhere;
  /// What daprd waits for Init, if the Component says so.
  std::optional<std::chrono::milliseconds> init_timeout;
};

struct MetadataReport {
  ComponentSettings settings;  ///< to be used only if there are no problems
  std::vector<Note> problems;
  std::vector<Note> warnings;  ///< the same as in the settings
};

/// Everything that Init would find, each remark with its key. Thread-safe.
MetadataReport check_component_metadata(const core::Metadata& metadata,
                                        const MetadataContext& context = {});

/// INVALID_ARGUMENT lists every problem, each with key, value (secrets masked)
/// and what is allowed. Does no I/O but reading the system's random source for
/// `{uuid}`. Thread-safe.
base::Result<ComponentSettings> parse_component_metadata(const core::Metadata& metadata);

}  // namespace dapr_mqtt::config
