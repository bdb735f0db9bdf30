#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "dapr_mqtt/base/clock.h"
#include "dapr_mqtt/core/inbox.h"
#include "dapr_mqtt/core/subscriber.h"
#include "dapr_mqtt/core/topic.h"
#include "delivery/stream_window.h"

namespace dapr_mqtt::delivery {

class DeliveryQueue;

/// One open stream and what it has not acknowledged.
struct DeliveryStream {
  DeliveryStream(DeliveryQueue& its_queue, std::shared_ptr<core::Subscriber> its_subscriber,
                 const WindowLimits& limits)
      : queue(its_queue), subscriber(std::move(its_subscriber)), window(limits) {}

  bool has_room() const { return !ended && window.has_room(); }

  DeliveryQueue& queue;
  const std::shared_ptr<core::Subscriber> subscriber;
  StreamWindow window;
  std::map<core::InboxId, core::Delivery> held;  ///< in order of arrival
  bool ended = false;                            ///< it said so itself; its close will follow
};

/// The streams of one topic filter, which take its messages by turns. Holds
/// pointers only: the dispatcher owns the streams. Exists while one is open.
class DeliveryQueue {
 public:
  DeliveryQueue(core::TopicFilter filter, std::uint64_t serial)
      : filter_(std::move(filter)), serial_(serial) {}

  const core::TopicFilter& filter() const { return filter_; }
  std::uint64_t serial() const { return serial_; }  ///< by order of opening

  void add(DeliveryStream& stream) { streams_.push_back(&stream); }
  void remove(const DeliveryStream& stream);
  bool empty() const { return streams_.empty(); }

  /// The stream whose turn it is among those with room; null when none has.
  DeliveryStream* next_with_room();
  /// It has had its turn.
  void pass_turn() { ++turn_; }

  /// Over all its streams.
  std::size_t held() const;

  // The dispatcher's notes on it.
  bool runnable = false;               ///< stands in the dispatcher's line
  std::optional<base::WallTime> due;   ///< stands among the due times, at this one

 private:
  const core::TopicFilter filter_;
  const std::uint64_t serial_;
  std::vector<DeliveryStream*> streams_;
  std::size_t turn_ = 0;
};

}  // namespace dapr_mqtt::delivery
