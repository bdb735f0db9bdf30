#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "dapr_mqtt/base/executor.h"

namespace dapr_mqtt::base {

/// Keeps a problem that lasts for hours from filling the log. Of lines with the same cause, the
/// first (or the first few) in a minute are written at once; the first line of a later minute says
/// how many were left out. Not thread-safe.
class RepeatFilter {
 public:
  static constexpr Duration kInterval = std::chrono::minutes(1);

  RepeatFilter() : RepeatFilter(1) {}
  explicit RepeatFilter(int lines_a_minute) : most_(lines_a_minute) {}

  /// `line`, perhaps with the count of left-out lines added; none: this line is left out.
  std::optional<std::string> pass(const std::string& cause, std::string line, TimePoint now) {
    if (cause == cause_ && now - began_ < kInterval) {
      if (passed_ < most_) {
        ++passed_;
        return line;
      }
      ++left_out_;
      return std::nullopt;
    }
    if (cause == cause_ && left_out_ > 0) {
      line += " (" + std::to_string(left_out_) + " more times since the last line about it)";
    }
    cause_ = cause;
    began_ = now;
    passed_ = 1;
    left_out_ = 0;
    return line;
  }
  /// The next line passes, whatever it is.
  void reset() { cause_.clear(); }

 private:
  int most_;
  std::string cause_;
  TimePoint began_{};  // start of the current minute
  int passed_ = 0;     // lines written in that minute
  std::uint64_t left_out_ = 0;
};

}  // namespace dapr_mqtt::base
