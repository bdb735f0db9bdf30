#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::storage {

/// The owner of the inbox in a folder. It is in a text file beside the database, which other
/// instances read without the folder's lock: taking that lock, even for a short time, could make the
/// Init of the inbox's owner fail.
struct InboxOwner {
  std::string component;  ///< the Component's name
  std::string consumer_id;
  std::string brokers;  ///< for log lines

  /// Whether Component and consumerID are the same; the brokers may differ. A Component without a
  /// name never matches.
  bool same_component(const InboxOwner& other) const {
    return !component.empty() && component == other.component && consumer_id == other.consumer_id;
  }
};

/// Replaces the file in `folder` unless it has this content already. UNAVAILABLE: the disk failed.
base::Status write_owner(const std::string& folder, const InboxOwner& owner);

/// None when the file does not exist (an earlier build created the folder) or is not readable.
std::optional<InboxOwner> read_owner(const std::string& folder);

}  // namespace dapr_mqtt::storage
