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
  std::vector<std::string> values;  ///< one value, or those of a list
  std::size_t line = 0;             ///< from 1
};

/// INVALID_ARGUMENT: "<line>:<column>: <what is wrong>", without the file's name. A
/// key that is given twice is an error; so is one that is not in `known`, which
/// names the nearest known key. Thread-safe; no I/O.
base::Result<std::vector<FileSetting>> read_settings_file(const std::string& text,
                                                          std::span<const std::string_view> known);

}  // namespace dapr_mqtt::config
