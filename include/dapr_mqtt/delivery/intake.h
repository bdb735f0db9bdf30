#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "dapr_mqtt/base/clock.h"
#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/mutex.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/broker.h"
#include "dapr_mqtt/core/counters.h"
#include "dapr_mqtt/core/event_ids.h"
#include "dapr_mqtt/core/inbox.h"
#include "dapr_mqtt/delivery/arrivals.h"
#include "dapr_mqtt/delivery/routes.h"

namespace dapr_mqtt::delivery {

class IntakeReports;

struct IntakeOptions {
  /// The session outlives the connection (clean session off): messages of QoS 1 and 2 are never
  /// dropped, and messages that no subscription claims yet are kept.
  bool persistent = false;
  /// How messages of QoS 1 and 2 in a persistent session are kept; store_arrivals() and hold_all()
  /// override it.
  core::Keep keep = core::Keep::kStore;
  /// Whether messages that were too large to be received whole (IncomingMessage::full_size) are
  /// kept, for the dispatcher to make dead letters of them. Otherwise they are dropped.
  bool dead_letters = false;
  /// For the text of warnings.
  core::InboxLimits limits{};
  /// A message that matches no subscription and whose topic has this prefix is dropped without a
  /// log line. Empty: none is. Outlives the intake.
  std::string_view ignored{};
};

/// Takes received messages from the broker client, routes them to their queues and puts them into
/// the inbox together with their receipts: the broker keeps each message until the inbox has stored
/// it or the app has handled it.
///
/// A message that was too large to be received whole is counted, and logged at most twice a minute.
///
/// When the inbox is full, a new message of a clean session or of QoS 0 makes the inbox drop older
/// ones (the oldest of the fullest queue); they are counted, and logged at most twice a minute. New
/// messages of persistent sessions are held, so that the broker stops at its window. If the broker
/// does not stop, its messages are refused when the inbox is overfull, which ends their connection.
///
/// Thread-safe; for the sinks see core::MessageSink. All that is given by reference outlives it.
class Intake {
 public:
  /// Called when a message could not be taken in, or the inbox could not be written. Runs on the
  /// receive thread: it must be quick and must not call the broker client.
  using AppendFailed = std::function<void(const base::Status&)>;
  /// Whether the filter's subscription does not want this message. Same rules; empty: it wants all.
  using Unwanted =
      std::function<bool(const core::TopicFilter& filter, const core::IncomingMessage& message)>;
  /// Whether CloudEvents are made of a filter's messages. Same rules; empty: of none.
  using MakesEvents = std::function<bool(const core::TopicFilter& filter)>;

  Intake(IntakeOptions options, const RoutingTable& routes, core::Inbox& inbox, Arrivals& arrivals,
         const base::Executor& time, const base::WallClock& clock, core::Counters& counters,
         base::Log log, AppendFailed append_failed, Unwanted unwanted = nullptr,
         MakesEvents makes_events = nullptr);
  ~Intake();
  Intake(const Intake&) = delete;
  Intake& operator=(const Intake&) = delete;

  /// The sink for the broker client of the consumer connection with this index. It must not outlive
  /// this. `event_ids`: those of this connection's persistent session. Null: event ids need not be
  /// the same in a later process.
  std::unique_ptr<core::MessageSink> sink(std::size_t connection,
                                          core::EventIds* event_ids = nullptr);

  /// True: messages of QoS 1 and 2 are stored on arrival. False: IntakeOptions::keep decides. May
  /// be called from any thread.
  void store_arrivals(bool store) { store_arrivals_ = store; }
  /// From now on messages of QoS 1 and 2 are held, whatever else is set: they stay at the broker.
  /// Persistent sessions only. May be called from any thread.
  void hold_all() { hold_all_ = true; }

 private:
  class Sink;

  /// False when the message could not be taken in.
  bool on_message(const Sink& from, core::IncomingMessage message) noexcept;
  void commit_received() noexcept;
  bool take_in(const Sink& from, core::IncomingMessage message);
  void report(const base::Status& failed) noexcept;
  bool store(std::string_view queue, core::IncomingMessage message, const Routes& routes);
  core::Keep keep() const;

  const IntakeOptions options_;
  const RoutingTable& routes_;
  core::Inbox& inbox_;
  Arrivals& arrivals_;
  const base::WallClock& clock_;
  core::Counters& counters_;
  const base::Log log_;
  const AppendFailed append_failed_;
  const Unwanted unwanted_;
  const MakesEvents makes_events_;
  const std::unique_ptr<IntakeReports> reports_;  // thread-safe
  std::atomic<bool> full_{false};                 ///< AppendOutcome::full of the last append
  std::atomic<bool> store_arrivals_{false};
  std::atomic<bool> hold_all_{false};
  // Held during the inbox's commit, its disk I/O and the receipts included, since the inbox allows
  // one commit at a time. Only the receive threads take this lock.
  base::Mutex commits_;
};

}  // namespace dapr_mqtt::delivery
