// A topic filter in few words.
#pragma once

#include <string>

#include "dapr_mqtt/core/topic.h"

namespace dapr_mqtt::subscribe {

inline core::TopicFilter filter(const std::string& text) {
  return core::TopicFilter::parse(text).value();
}

}  // namespace dapr_mqtt::subscribe
