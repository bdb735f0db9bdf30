#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/config/component_settings.h"
#include "dapr_mqtt/config/keys.h"

namespace dapr_mqtt::config {

/// Collects everything that is wrong with a Component's metadata. Not thread-safe.
class Problems {
 public:
  /// "<key>: <what>". `what` holds no value of a sensitive key.
  void add(std::string_view key, std::string_view what);
  /// "<key>: <value> is not <what the table allows>", the value masked if the
  /// key is sensitive.
  void add_wrong_value(const KeyInfo& key, std::string_view value);

  bool empty() const { return notes_.empty(); }
  const std::vector<Note>& notes() const { return notes_; }

 private:
  std::vector<Note> notes_;
};

/// OK when there are none, else INVALID_ARGUMENT with all of them in one line.
base::Status to_status(const std::vector<Note>& problems);

/// `value` quoted and cut for an error, or *** if the key is sensitive.
std::string shown_value(const KeyInfo& key, std::string_view value);

}  // namespace dapr_mqtt::config
