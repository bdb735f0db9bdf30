#include "app/state_dir.h"

#include <unistd.h>

#include <filesystem>

namespace dapr_mqtt::app {

std::string pick_state_dir(const std::vector<std::string>& candidates) {
  for (const std::string& candidate : candidates) {
    std::filesystem::path existing = candidate;
    std::error_code ignored;
    while (!std::filesystem::exists(existing, ignored) && existing.has_relative_path()) {
      existing = existing.parent_path();
    }
    if (::access(existing.c_str(), W_OK | X_OK) == 0) return candidate;
  }
  return candidates.empty() ? std::string() : candidates.back();
}

}  // namespace dapr_mqtt::app
