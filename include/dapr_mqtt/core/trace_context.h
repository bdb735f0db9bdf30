// W3C Trace Context (Recommendation of 23 November 2021): which call an event belongs to.
#pragma once

#include <string_view>

#include "dapr_mqtt/core/message.h"

namespace dapr_mqtt::core {

/// Section 3.2: version 00, lower-case hex digits, no ID that is all zeros.
bool is_traceparent(std::string_view text);
/// Section 3.3: at most 512 bytes and 32 entries, each with a legal key and value.
bool is_tracestate(std::string_view text);

struct TraceContext {
  std::string_view parent;  ///< empty: there is none
  std::string_view state;   ///< only with a parent
};

/// The context in the user properties `traceparent` and `tracestate` of a message. A property that
/// is not well formed, or that comes twice, counts as absent: anyone can publish these texts, but
/// daprd and apps trust them like daprd's own headers. The views live as long as the properties.
TraceContext trace_context(const MessageProperties& properties);

inline constexpr std::string_view kTraceparent = "traceparent";
inline constexpr std::string_view kTracestate = "tracestate";

}  // namespace dapr_mqtt::core
