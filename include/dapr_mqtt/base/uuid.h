#pragma once

#include <string_view>

namespace dapr_mqtt::base {

/// Whether the text contains a UUID (RFC 9562 section 4: hex digits in groups of
/// 8-4-4-4-12).
bool contains_uuid(std::string_view text);

}  // namespace dapr_mqtt::base
