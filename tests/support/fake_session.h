// core::SessionStore in memory, whose subscriptions a test can read.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "dapr_mqtt/core/session_store.h"

namespace dapr_mqtt::testing {

/// Not thread-safe: for tests on one thread.
class FakeSession final : public core::SessionStore {
 public:
  core::PacketStore& packets(std::size_t) override {
    throw std::logic_error("no packets in this test");
  }
  std::vector<core::SessionSubscription> subscriptions() const override { return held_; }
  void subscribed(std::size_t connection, const core::TopicFilter& filter) override {
    unsubscribed(connection, filter);
    held_.push_back({connection, filter});
  }
  void unsubscribed(std::size_t connection, const core::TopicFilter& filter) override {
    std::erase_if(held_, [&](const auto& held) {
      return held.connection == connection && held.filter == filter;
    });
  }

  /// "<connection> <filter>", in the order of subscribing.
  std::vector<std::string> texts() const {
    std::vector<std::string> out;
    for (const auto& [connection, filter] : held_) {
      out.push_back(std::to_string(connection) + " " + filter.str());
    }
    return out;
  }

 private:
  std::vector<core::SessionSubscription> held_;
};

}  // namespace dapr_mqtt::testing
