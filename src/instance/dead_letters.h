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

/// Publishes given-up messages to the dead-letter topic, again and again with back-off
/// until the broker has them. Until then a message stays in the inbox; for a moment it
/// may be in both places. If the broker permanently rejects a dead letter, the message is
/// dropped with an error, since it would stay in the inbox for ever.
/// That is so when the dead letter is larger than the broker's limit (INVALID_ARGUMENT), or
/// when the broker has rejected it kMostRejections times by closing the connection
/// (FAILED_PRECONDITION).
///
/// Used on the executor only. The number of dead letters is limited by
/// Dispatcher::kMaxDeadLetters and the messages that its streams hold. Answers that come
/// after the destructor are ignored.
class DeadLetters {
 public:
  /// More than one, since a broker that closes a connection does not say why.
  static constexpr int kMostRejections = 2;
  struct Settings {
    core::TopicName topic;
    core::ProtocolVersion protocol = core::ProtocolVersion::kMqtt311;
    base::Duration retry_first = std::chrono::seconds(1);
    base::Duration retry_most = std::chrono::seconds(60);
  };
  /// Publishes; the answer may come on any thread.
  using Publish = std::function<void(core::OutgoingMessage, std::function<void(base::Status)>)>;
  /// Called when the message may leave the inbox.
  using Done = std::function<void(core::InboxId)>;

  DeadLetters(Settings settings, base::Executor& executor, core::Counters& counters, base::Log log,
              Publish publish, Done done);

  void take(const delivery::GivenUp& given_up);
  /// There is a connection for publishing: dead letters that waited for one are sent at once.
  void connected();
  /// Dead letters are not sent any more.
  void stop() { stopped_ = true; }

 private:
  struct Letter {
    delivery::GivenUp::Reason reason;
    core::TopicFilter filter;
    core::Delivery delivery;
    std::string error;
    base::Backoff backoff;
    int rejections = 0;  ///< by closing the connection
    /// The timer of the next try, if the last one had no connection; else 0.
    base::Executor::TimerId until_connected = 0;
  };

  void send(core::InboxId id);
  void answered(core::InboxId id, const base::Status& status);
  void drop(core::InboxId id, const base::Status& why);
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
