#pragma once

#include <string_view>

namespace dapr_mqtt::events {

/// Whether daprd's process could end when it delivers this payload to an HTTP app. That happens
/// with a JSON object whose `traceparent` or `traceid` is neither text nor null (1.18.1: "interface
/// conversion: interface {} is float64, not string"). A quick search comes first; the payload is
/// parsed only if that finds something suspicious.
bool may_end_daprd(std::string_view payload);

}  // namespace dapr_mqtt::events
