#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/config/keys.h"

namespace dapr_mqtt::config {

/// Everything that is wrong with a Component's metadata, gathered. Not
/// thread-safe.
class Problems {
 public:
  /// "<key>: <what>". `what` holds no value of a sensitive key.
  void add(std::string_view key, std::string_view what);
  /// "<key>: <value> is not <what the table allows>", the value masked if the
  /// key is sensitive.
  void add_wrong_value(const KeyInfo& key, std::string_view value);

  bool empty() const { return count_ == 0; }
  /// OK when empty, else INVALID_ARGUMENT with all of them in one line.
  base::Status status() const;

 private:
  std::size_t count_ = 0;
  std::vector<std::string> texts_;  ///< the first kMaxShown
};

/// `value` quoted and cut for an error, or *** if the key is sensitive.
std::string shown_value(const KeyInfo& key, std::string_view value);

}  // namespace dapr_mqtt::config
