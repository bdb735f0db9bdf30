// The process's own settings in YAML: one mapping of texts.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::config {

struct FileSetting {
  std::string key;
  std::vector<std::string> values;  ///< one, or a list's
  std::size_t line = 0;             ///< from 1
};

/// INVALID_ARGUMENT: "<line>:<column>: <what is wrong>", without the file's name. A
/// key that is not in `known`, or twice there, is an error that names the nearest
/// one. Thread-safe; no I/O.
base::Result<std::vector<FileSetting>> read_settings_file(
    const std::string& text, std::span<const std::string_view> known);

}  // namespace dapr_mqtt::config
