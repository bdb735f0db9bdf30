#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/mutex.h"

namespace dapr_mqtt::testing {

/// A Logger that keeps its lines ("WARN instance: text") for tests to read.
class CapturedLog final : public base::Logger {
 public:
  bool enabled(base::LogLevel) const override { return true; }
  void write(base::LogLevel level, std::string_view instance, std::string_view message) override {
    static constexpr std::string_view kNames[] = {"DEBUG", "INFO", "WARN", "ERROR"};
    base::MutexLock lock(mutex_);
    lines_.push_back(std::string(kNames[static_cast<int>(level)]) + " " + std::string(instance) +
                     ": " + std::string(message));
  }
  std::vector<std::string> lines() const {
    base::MutexLock lock(mutex_);
    return lines_;
  }
  /// Lines that contain this text.
  std::size_t count(std::string_view part) const {
    const auto all = lines();
    return static_cast<std::size_t>(std::count_if(
        all.begin(), all.end(),
        [&](const std::string& line) { return line.find(part) != std::string::npos; }));
  }
  bool contains(std::string_view part) const { return count(part) > 0; }
  std::string text() const {
    std::string out;
    for (const auto& line : lines()) out += line + "\n";
    return out;
  }

 private:
  mutable base::Mutex mutex_;
  std::vector<std::string> lines_ DM_GUARDED_BY(mutex_);
};

}  // namespace dapr_mqtt::testing
