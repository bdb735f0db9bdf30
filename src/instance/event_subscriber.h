#pragma once

#include <memory>
#include <string_view>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/repeat_filter.h"
#include "dapr_mqtt/core/subscriber.h"
#include "dapr_mqtt/events/event_maker.h"

namespace dapr_mqtt::instance {

/// Wraps a subscriber: turns messages into CloudEvents as the subscription's options say. Messages
/// in the inbox, and dead letters, stay as they were received.
///
/// If payloads go unchanged to a daprd that expects events, logs payloads that daprd cannot read
/// or that could end its process (each once a minute), and those in which gRPC apps will find no
/// data (once).
///
/// As core::Subscriber: one call at a time.
class EventSubscriber final : public core::Subscriber {
 public:
  /// `time` outlives this.
  EventSubscriber(std::shared_ptr<core::Subscriber> subscriber, events::EventMaker maker,
                  const base::Executor& time, base::Log log)
      : subscriber_(std::move(subscriber)),
        maker_(std::move(maker)),
        time_(time),
        log_(std::move(log)) {}

  core::DeliverResult deliver(const core::Delivery& delivery) override;

 private:
  /// Logs a warning about a payload that is sent unchanged, or that was turned into an event only
  /// because it could end daprd's process (`dangerous`).
  void look_at(const core::IncomingMessage& message, bool dangerous);

  const std::shared_ptr<core::Subscriber> subscriber_;
  const events::EventMaker maker_;
  const base::Executor& time_;
  const base::Log log_;
  base::RepeatFilter refusals_;
  base::RepeatFilter dangers_;
  bool plain_object_seen_ = false;
};

}  // namespace dapr_mqtt::instance
