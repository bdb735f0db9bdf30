#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "dapr_mqtt/base/backoff.h"
#include "dapr_mqtt/base/clock.h"
#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/core/delivery_order.h"
#include "dapr_mqtt/core/inbox.h"
#include "dapr_mqtt/core/subscriber.h"
#include "dapr_mqtt/core/topic.h"
#include "delivery/stream_window.h"

namespace dapr_mqtt::delivery {

class DeliveryQueue;

/// Whether the app of one stream is away, and when it is tried next.
struct AppAbsence {
  bool away = false;
  bool may_try = false;  ///< one message may go out
  base::TimePoint last_try{};
  base::TimePoint next_try{};
  base::Executor::TimerId timer = 0;
  std::optional<base::Backoff> pauses{};
};

/// One open stream and what it has not acknowledged.
struct DeliveryStream {
  DeliveryStream(DeliveryQueue& its_queue, std::shared_ptr<core::Subscriber> its_subscriber,
                 const WindowLimits& limits)
      : queue(its_queue), subscriber(std::move(its_subscriber)), window(limits) {}

  bool has_room() const {
    return !ended && window.has_room() && (!absence.away || absence.may_try);
  }

  DeliveryQueue& queue;
  const std::shared_ptr<core::Subscriber> subscriber;
  StreamWindow window;
  std::map<core::InboxId, core::Delivery> held;  ///< in order of arrival
  bool ended = false;                            ///< deliver() said kClosed; close() will follow
  AppAbsence absence;                            ///< owned by AppWatch
};

/// The streams of one topic filter, which take turns with its messages. Holds pointers only: the
/// dispatcher owns the streams. A queue exists while one of its streams is open.
class DeliveryQueue {
 public:
  DeliveryQueue(core::TopicFilter filter, std::uint64_t serial, core::DeliveryOrder order = {})
      : filter_(std::move(filter)), serial_(serial) {
    set_order(std::move(order));
  }

  const core::TopicFilter& filter() const { return filter_; }
  std::uint64_t serial() const { return serial_; }  ///< rises in the order of opening

  core::ConcurrencyMode mode() const { return order_.mode; }
  core::Inbox::Order inbox_order() const { return inbox_order_; }
  std::optional<core::OrderKey> inbox_key() const;
  const core::DeliveryOrder& order() const { return order_; }
  void set_order(core::DeliveryOrder order);

  void add(DeliveryStream& stream) { streams_.push_back(&stream); }
  void remove(const DeliveryStream& stream);
  bool empty() const { return streams_.empty(); }

  /// Among the streams with room, one of those that hold the fewest messages: the one whose turn it
  /// is. Null when none has room.
  DeliveryStream* next_with_room();
  /// That stream has had its turn.
  void pass_turn() { ++turn_; }

  /// How many messages all its streams hold.
  std::size_t held() const;

  // State of the dispatcher:
  bool runnable = false;              ///< it is in Dispatcher::runnable_
  std::optional<base::WallTime> due;  ///< it is in Dispatcher::due_ with this time

 private:
  const core::TopicFilter filter_;
  const std::uint64_t serial_;
  core::DeliveryOrder order_;
  core::Inbox::Order inbox_order_ = core::Inbox::Order::kReady;
  std::vector<DeliveryStream*> streams_;
  std::size_t turn_ = 0;
};

}  // namespace dapr_mqtt::delivery
