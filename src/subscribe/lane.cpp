#include "dapr_mqtt/subscribe/lane.h"

#include <string>

#include "dapr_mqtt/base/parse.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::subscribe {

base::Result<std::string_view> without_lane(std::string_view topic) {
  if (!topic.starts_with(kLane)) return topic;
  const std::string_view rest = topic.substr(kLane.size());
  const std::size_t slash = rest.find('/');
  const auto number = base::parse_integer(rest.substr(0, slash));
  if (slash == std::string_view::npos || slash + 1 == rest.size() || !number || *number < 1 ||
      *number > kMaxLanes) {
    return base::invalid_argument("topic " + base::quote(topic) +
                                  ": a lane is $lane/<number from 1 to " +
                                  std::to_string(kMaxLanes) + ">/<topic>");
  }
  return rest.substr(slash + 1);
}

}  // namespace dapr_mqtt::subscribe
