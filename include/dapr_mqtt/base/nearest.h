#pragma once

#include <span>
#include <string_view>

namespace dapr_mqtt::base {

/// The one of `names` that the user most likely meant by `typed`, ignoring letter
/// case; empty when none is close enough to be worth suggesting. Of equally close
/// names the first wins.
std::string_view nearest_name(std::string_view typed, std::span<const std::string_view> names);

}  // namespace dapr_mqtt::base
