#include "app/print.h"

#include <cstdio>
#include <random>

#include "app/commands.h"

namespace dapr_mqtt::app {

std::string random_suffix() {
  char text[9];
  std::snprintf(text, sizeof text, "%08x", static_cast<unsigned>(std::random_device{}()));
  return text;
}

std::string milliseconds(std::chrono::microseconds time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f ms", static_cast<double>(time.count()) / 1000.0);
  return text;
}

int fail(const base::Status& status) {
  std::fprintf(stderr, "dapr-pubsub-mqtt: %s\n", status.message().c_str());
  return kExitFailure;
}

}  // namespace dapr_mqtt::app
