#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "dapr_mqtt/base/executor.h"

namespace dapr_mqtt::base {

/// Keeps trouble that lasts for hours from filling the log: of lines with the
/// same cause, the first at once, then one a minute that says how many were left
/// out. Not thread-safe.
class RepeatFilter {
 public:
  static constexpr Duration kInterval = std::chrono::minutes(1);

  /// `line` (perhaps with a count), or none when it is to be left out.
  std::optional<std::string> pass(const std::string& cause, std::string line, TimePoint now) {
    if (cause == cause_ && now - last_ < kInterval) {
      ++left_out_;
      return std::nullopt;
    }
    if (cause == cause_ && left_out_ > 0) {
      line += " (" + std::to_string(left_out_) + " more times since the last line about it)";
    }
    cause_ = cause;
    last_ = now;
    left_out_ = 0;
    return line;
  }
  /// The next line passes, whatever it is.
  void reset() { cause_.clear(); }

 private:
  std::string cause_;
  TimePoint last_{};
  std::uint64_t left_out_ = 0;
};

}  // namespace dapr_mqtt::base
