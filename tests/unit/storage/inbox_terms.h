// What the inbox's tests take messages with.
#pragma once

#include <chrono>

#include "dapr_mqtt/base/clock.h"
#include "dapr_mqtt/core/inbox.h"

namespace dapr_mqtt::storage {

inline constexpr base::WallTime kNow{std::chrono::hours(500'000)};
inline constexpr auto kReady = core::Inbox::Order::kReady;

}  // namespace dapr_mqtt::storage
