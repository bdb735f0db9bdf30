#include "dapr_mqtt/base/nearest.h"

#include <algorithm>
#include <cstddef>

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::base {
namespace {

// A longer text is not a misspelt name of ours, and comparing costs time.
constexpr std::size_t kMaxTyped = 64;

}  // namespace

std::string_view nearest_name(std::string_view typed, std::span<const std::string_view> names) {
  if (typed.empty() || typed.size() > kMaxTyped) return {};
  std::string_view best;
  std::size_t best_distance = 0;
  for (const std::string_view name : names) {
    const std::size_t distance = edit_distance(typed, name);
    // If more than two in five letters are wrong, it is another word.
    if (distance * 5 > std::max(typed.size(), name.size()) * 2) continue;
    if (best.empty() || distance < best_distance) {
      best = name;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace dapr_mqtt::base
