#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/core/connection_options.h"

namespace dapr_mqtt::publish {

/// Finds keys of publish metadata that are probably misspelt, such as `retian`. A publish with such
/// a key succeeds, and without a warning nobody would see why the message is not retained. Each key
/// is reported once, however many publishes have it. Thread-safe.
class MisspeltKeys {
 public:
  /// So many unknown keys are remembered; later ones are not checked.
  static constexpr std::size_t kMaxKeys = 100;

  /// With MQTT 3.1.1, keys that need MQTT 5 are not suggested.
  explicit MisspeltKeys(core::ProtocolVersion protocol) : protocol_(protocol) {}

  /// Returns lines for the log: one for each of these keys that is new and close to a known key.
  std::vector<std::string> report(const std::vector<std::string>& unknown_keys);

 private:
  const core::ProtocolVersion protocol_;
  base::Mutex mutex_;
  std::set<std::string> seen_ DM_GUARDED_BY(mutex_);
};

}  // namespace dapr_mqtt::publish
