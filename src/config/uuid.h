#pragma once

#include <optional>
#include <string>

namespace dapr_mqtt::config {

/// A fresh random UUID (RFC 9562 version 4) in lower case, from the system's
/// random source; none if that fails. Thread-safe.
std::optional<std::string> random_uuid();

}  // namespace dapr_mqtt::config
