#pragma once

#include <atomic>
#include <memory>
#include <set>
#include <string>

#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/core/message.h"
#include "dapr_mqtt/core/topic.h"

namespace dapr_mqtt::instance {

/// `noLocal`: a subscription that does not want the messages of its own instance.
/// In MQTT 5 the broker decides by the client ID (MQTT-3.8.3-3), but an instance
/// publishes and receives with different client IDs. So from the first such
/// subscription on, published messages are marked with a user property, and
/// received ones are recognised by it. Thread-safe.
class OwnMessages {
 public:
  static constexpr std::string_view kProperty = "dapr-pubsub-mqtt-from";

  OwnMessages();

  /// To be called each time a subscription is made.
  void subscribed(const core::TopicFilter& filter, bool no_local);
  /// Some subscription has asked for noLocal.
  bool used() const { return used_; }
  /// The same message with the instance's mark.
  core::OutgoingMessage marked(core::OutgoingMessage message) const;
  /// The message is this instance's own, and the filter has noLocal.
  bool unwanted(const core::TopicFilter& filter, const core::IncomingMessage& message) const;

 private:
  const std::string id_;  ///< the mark of this instance: random
  std::atomic<bool> used_{false};
  mutable base::Mutex mutex_;
  std::set<core::TopicFilter> no_local_ DM_GUARDED_BY(mutex_);
};

}  // namespace dapr_mqtt::instance
