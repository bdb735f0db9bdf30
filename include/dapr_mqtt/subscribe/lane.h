#pragma once

#include <string_view>

#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::subscribe {

/// The prefix of a lane. daprd 1.16 to 1.18 hands the messages of a stream to the app one at a
/// time, and opens one stream for each topic. `$lane/<number>/<filter>` is a topic of its own for
/// daprd, and the same filter for the broker: the lanes of a filter share its messages, so the app
/// gets several at a time.
inline constexpr std::string_view kLane = "$lane/";
inline constexpr int kMaxLanes = 1000;

/// The filter without its lane prefix, if it has one; a view into `topic`. INVALID_ARGUMENT when
/// the lane is not a number from 1 to kMaxLanes, or nothing follows it.
base::Result<std::string_view> without_lane(std::string_view topic);

}  // namespace dapr_mqtt::subscribe
