#pragma once

#include <functional>

/// Calls `part`; callgrind counts from its begin to its end (--toggle-collect).
extern "C" void dapr_mqtt_counted(const std::function<void()>& part);
