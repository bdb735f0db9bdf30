// The keys of protocol and session.
#include <chrono>

#include "config/bind_values.h"
#include "config/bindings.h"
#include "config/limits.h"
#include "dapr_mqtt/base/parse.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::config::bind {

void protocol_version(const KeyInfo& key, std::string_view value, Draft& draft) {
  const std::string_view wanted = base::trim(value);
  if (wanted == "3.1.1" || wanted == "5") {
    draft.settings.connection.protocol = wanted == "5" ? core::ProtocolVersion::kMqtt5
                                                       : core::ProtocolVersion::kMqtt311;
  } else {
    draft.problems.add_wrong_value(key, value);
  }
}

void session_expiry(const KeyInfo& key, std::string_view value, Draft& draft) {
  const auto parsed = base::parse_duration(value);
  if (parsed && *parsed >= std::chrono::seconds(1) && *parsed <= kMaxSessionExpiry) {
    draft.settings.connection.session_expiry = std::chrono::ceil<std::chrono::seconds>(*parsed);
  } else {
    draft.problems.add_wrong_value(key, value);
  }
}

}  // namespace dapr_mqtt::config::bind
