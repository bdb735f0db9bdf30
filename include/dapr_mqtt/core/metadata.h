#pragma once

#include <map>
#include <string>

namespace dapr_mqtt::core {

/// Dapr's metadata: of a Component (Init), of a publish request, or of a
/// subscription. Keys as the user spelled them.
using Metadata = std::map<std::string, std::string, std::less<>>;

}  // namespace dapr_mqtt::core
