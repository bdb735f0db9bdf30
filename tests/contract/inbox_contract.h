// What every implementation of core::Inbox must do. To test another implementation, write a file
// with INSTANTIATE_TEST_SUITE_P of InboxContract and InboxModel for its InboxKind (see
// memory_inbox.cpp), and link it with the files of tests.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "dapr_mqtt/core/inbox.h"

namespace dapr_mqtt::testing {

struct InboxKind {
  std::string name;
  std::function<std::unique_ptr<core::Inbox>(core::InboxLimits)> make;
  /// How many messages a flood has: it should take about a second.
  std::size_t flood = 1'000'000;
};

inline std::ostream& operator<<(std::ostream& out, const InboxKind& kind) {
  return out << kind.name;
}

inline core::IncomingMessage make_message(std::string topic, std::size_t payload = 10,
                                          core::QoS qos = core::QoS::kAtLeastOnce) {
  core::IncomingMessage message;
  message.topic = std::move(topic);
  message.payload.assign(payload, 'x');
  message.qos = qos;
  return message;
}

class InboxTest : public ::testing::TestWithParam<InboxKind> {
 protected:
  static constexpr base::WallTime kNow{std::chrono::hours(500'000)};
  static constexpr auto kReady = core::Inbox::Order::kReady;
  static constexpr auto kStrict = core::Inbox::Order::kStrict;

  std::unique_ptr<core::Inbox> make(core::InboxLimits limits = {}) {
    return GetParam().make(limits);
  }
};

class InboxContract : public InboxTest {};
class InboxModel : public InboxTest {};
/// For implementations that have memory for the messages that they hold.
class HeldContract : public InboxTest {};

}  // namespace dapr_mqtt::testing
