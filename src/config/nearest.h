#pragma once

#include <span>
#include <string_view>

namespace dapr_mqtt::config {

/// The one of `names` that `typed` is most likely a slip of, letter case left
/// aside; empty when none is close enough to be worth suggesting. The first
/// wins among equals.
std::string_view nearest_name(std::string_view typed, std::span<const std::string_view> names);

}  // namespace dapr_mqtt::config
