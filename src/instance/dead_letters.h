#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "dapr_mqtt/base/backoff.h"
#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/core/connection_options.h"
#include "dapr_mqtt/core/counters.h"
#include "dapr_mqtt/delivery/policy.h"

namespace dapr_mqtt::instance {

/// Brings what was given up to the dead-letter topic: published, and published
/// again with back-off until the broker has it. So a message is on one topic or
/// the other at any time, or on both for a moment.
///
/// All on the executor. Bounded by who gives: Dispatcher::kMaxDeadLetters and what
/// its streams hold. Answers that come when it has gone do nothing.
class DeadLetters {
 public:
  struct Settings {
    core::TopicName topic;
    core::QoS qos = core::QoS::kAtLeastOnce;
    core::ProtocolVersion protocol = core::ProtocolVersion::kMqtt311;
    base::Duration retry_first = std::chrono::seconds(1);
    base::Duration retry_most = std::chrono::seconds(60);
  };
  /// Publishes; the answer may come on any thread.
  using Publish = std::function<void(core::OutgoingMessage, std::function<void(base::Status)>)>;
  /// The message may leave the inbox.
  using Done = std::function<void(core::InboxId)>;

  DeadLetters(Settings settings, base::Executor& executor, core::Counters& counters, base::Log log,
              Publish publish, Done done);

  void take(const delivery::GivenUp& given_up);
  /// No new tries.
  void stop() { stopped_ = true; }

 private:
  struct Letter {
    delivery::GivenUp::Reason reason;
    core::TopicFilter filter;
    core::Delivery delivery;
    std::string error;
    base::Backoff backoff;
  };

  void send(core::InboxId id);
  void answered(core::InboxId id, const base::Status& status);
  void finish(core::InboxId id);

  const Settings settings_;
  base::Executor& executor_;
  core::Counters& counters_;
  const base::Log log_;
  const Publish publish_;
  const Done done_;
  std::unordered_map<core::InboxId, Letter> letters_;
  bool failing_ = false;
  bool stopped_ = false;
  std::shared_ptr<DeadLetters*> self_;  // posted tasks hold it weakly
};

}  // namespace dapr_mqtt::instance
