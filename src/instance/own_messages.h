#pragma once

#include <atomic>
#include <memory>
#include <set>
#include <string>

#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/core/message.h"
#include "dapr_mqtt/core/topic.h"

namespace dapr_mqtt::instance {

/// `noLocal`: a subscription that does not want what its own instance publishes.
/// MQTT 5 tells that by the client ID (MQTT-3.8.3-3), and ours publish with another
/// one than they receive with. So what goes out is marked with a user property
/// from the first such subscription on, and what comes back is known by it.
/// Thread-safe.
class OwnMessages {
 public:
  static constexpr std::string_view kProperty = "dapr-pubsub-mqtt-from";

  OwnMessages();

  /// What a subscription wants, as often as it is made.
  void subscribed(const core::TopicFilter& filter, bool no_local);
  /// Some subscription has asked for it.
  bool used() const { return used_; }
  /// The same message with its mark.
  core::OutgoingMessage marked(core::OutgoingMessage message) const;
  /// It is to be left out.
  bool unwanted(const core::TopicFilter& filter, const core::IncomingMessage& message) const;

 private:
  const std::string id_;  ///< random: of this instance
  std::atomic<bool> used_{false};
  mutable base::Mutex mutex_;
  std::set<core::TopicFilter> no_local_ DM_GUARDED_BY(mutex_);
};

}  // namespace dapr_mqtt::instance
