#include "config/nearest.h"

#include <algorithm>
#include <cstddef>

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::config {
namespace {

// Nobody means one of our names with a text this long, and comparing is not free.
constexpr std::size_t kMaxTyped = 64;

}  // namespace

std::string_view nearest_name(std::string_view typed, std::span<const std::string_view> names) {
  if (typed.empty() || typed.size() > kMaxTyped) return {};
  std::string_view best;
  std::size_t best_distance = 0;
  for (const std::string_view name : names) {
    const std::size_t distance = base::edit_distance(typed, name);
    // More than two in five letters wrong is another word.
    if (distance * 5 > std::max(typed.size(), name.size()) * 2) continue;
    if (best.empty() || distance < best_distance) {
      best = name;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace dapr_mqtt::config
