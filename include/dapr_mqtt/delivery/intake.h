#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "dapr_mqtt/base/clock.h"
#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/broker.h"
#include "dapr_mqtt/core/counters.h"
#include "dapr_mqtt/core/inbox.h"
#include "dapr_mqtt/delivery/arrivals.h"
#include "dapr_mqtt/delivery/routes.h"

namespace dapr_mqtt::delivery {

class IntakeReports;

struct IntakeOptions {
  /// The session outlives the connection (clean session off): what comes in at
  /// QoS 1 or 2 is never dropped, and what no subscription claims yet is kept.
  bool persistent = false;
  /// Payloads over this are dropped with a log line: daprd's 4 MiB less the
  /// least that a response adds. What is below and still too large for daprd
  /// with topic and metadata, the Subscriber refuses.
  std::size_t max_payload = (4U << 20U) - 64;
  /// Named in warnings.
  core::InboxLimits limits{};
};

/// The way in: takes messages off the broker client's hands, routes them to
/// their queues and stores them. The store's commit, in secure(), is the hand-over of
/// responsibility: the broker gets its acknowledgements when that succeeds, and else sends
/// the messages again.
///
/// When the inbox is full, messages of clean sessions and of QoS 0 drop older
/// ones (the oldest of the fullest queue), counted and reported in the log
/// twice a minute at the most; those of persistent sessions are stored all the
/// same, and the dispatcher stops intake by its hook intake_full.
///
/// Thread-safe; the sinks as core::MessageSink says. All that is given by reference outlives it.
class Intake {
 public:
  /// A message could not be stored, or not made safe (disk trouble): intake
  /// should stop. On the receive thread, or one that closes a connection: must be
  /// quick and must not call the broker client.
  using AppendFailed = std::function<void(const base::Status&)>;
  /// A message that a filter gets and does not want. Likewise; empty: wants all.
  using Unwanted =
      std::function<bool(const core::TopicFilter& filter, const core::IncomingMessage& message)>;

  Intake(IntakeOptions options, const RoutingTable& routes, core::Inbox& inbox, Arrivals& arrivals,
         const base::Executor& time, const base::WallClock& clock, core::Counters& counters,
         base::Log log, AppendFailed append_failed, Unwanted unwanted = nullptr);
  ~Intake();
  Intake(const Intake&) = delete;
  Intake& operator=(const Intake&) = delete;

  /// For the consumer connection with this index, as the broker client wants it. Must not
  /// outlive this.
  std::unique_ptr<core::MessageSink> sink(std::size_t connection);

 private:
  class Sink;

  /// False when it could not be taken in.
  bool on_message(std::size_t connection, core::IncomingMessage message) noexcept;
  /// Commits what has come in, whatever its connection. `came`: how many messages of QoS 1
  /// and 2 on the connection in question since its last call; `missed`: on_message said
  /// false of one; `failures_before`: failed_commits_ before the first of them. False: they
  /// must not be acknowledged.
  bool secure(std::uint64_t came, bool missed, std::uint64_t failures_before) noexcept;
  bool take_in(std::size_t connection, core::IncomingMessage message);
  void tell(const base::Status& failed) noexcept;
  bool store(std::string_view queue, core::IncomingMessage message, const Routes& routes);

  const IntakeOptions options_;
  const RoutingTable& routes_;
  core::Inbox& inbox_;
  Arrivals& arrivals_;
  const base::WallClock& clock_;
  core::Counters& counters_;
  const base::Log log_;
  const AppendFailed append_failed_;
  const Unwanted unwanted_;
  const std::unique_ptr<IntakeReports> reports_;  // thread-safe
  /// What was taken in before this rose may not be in the inbox any more.
  std::atomic<std::uint64_t> failed_commits_{0};
};

}  // namespace dapr_mqtt::delivery
