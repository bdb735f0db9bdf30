#include "dapr_mqtt/subscribe/subscribe_options.h"

#include "dapr_mqtt/base/parse.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::subscribe {

base::Result<SubscriptionRequest> parse_subscribe_options(const core::Metadata& metadata,
                                                          core::QoS default_qos) {
  SubscriptionRequest request;
  request.options.qos = default_qos;
  std::string problems;
  const auto problem = [&](const std::string& key, const std::string& value,
                           std::string_view allowed) {
    if (!problems.empty()) problems += "; ";
    problems += "subscribe metadata " + base::quote(key, 64) + ": " + base::quote(value, 64) +
                " is not " + std::string(allowed);
  };
  for (const auto& [key, value] : metadata) {
    const std::string name = base::to_lower(key);
    const std::string text(base::trim(value));
    if (text.empty()) continue;
    if (name == "qos") {
      const auto number = base::parse_integer(text);
      if (number && *number >= 0 && *number <= 2) {
        request.options.qos = static_cast<core::QoS>(*number);
      } else {
        problem(key, text, "one of 0, 1, 2");
      }
    } else if (name == "unsubscribeonclose") {
      if (const auto value_bool = base::parse_bool(text)) {
        request.unsubscribe_on_close = *value_bool;
      } else {
        problem(key, text, "true or false");
      }
    }
  }
  if (!problems.empty()) return base::invalid_argument(problems);
  return request;
}

}  // namespace dapr_mqtt::subscribe
