#include "mqtt/connack_guard.h"

#include <dlfcn.h>

#include <utility>

namespace dapr_mqtt::mqtt {
namespace {

thread_local bool skip_next = false;

/// MQTTProperties_read and _add make room for so many at a time.
constexpr int kStep = 10;

}  // namespace

bool plausible(const MQTTProperties& properties) {
  return properties.count >= 0 && properties.count <= properties.max_count &&
         properties.max_count % kStep == 0 && properties.length >= 0 &&
         (properties.max_count > 0) == (properties.array != nullptr);
}

void skip_next_properties_free() { skip_next = true; }

}  // namespace dapr_mqtt::mqtt

extern "C" void MQTTProperties_free(MQTTProperties* properties) {
  if (properties == nullptr) return;
  if (std::exchange(dapr_mqtt::mqtt::skip_next, false) ||
      !dapr_mqtt::mqtt::plausible(*properties)) {
    *properties = MQTTProperties_initializer;
    return;
  }
  static const auto real =
      reinterpret_cast<void (*)(MQTTProperties*)>(::dlsym(RTLD_NEXT, "MQTTProperties_free"));
  real(properties);
}
