#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/base/repeat_filter.h"
#include "dapr_mqtt/core/counters.h"
#include "dapr_mqtt/core/inbox.h"
#include "dapr_mqtt/core/subscriber.h"

namespace dapr_mqtt::delivery {

struct DeliveryStream;

/// Tracks the streams whose app cannot be reached, lets one message of each go out now and then,
/// and logs when an absence begins and ends.
///
/// Each stream is tracked on its own: a daprd has one app, but its streaming subscriptions come and
/// go one by one, and one that is gone must not hold up the others. When one stream reaches the app
/// again, the others try at once.
///
/// Used on the executor only. The owner owns the streams and removes them with closed().
class AppWatch {
 public:
  /// The pause before the next try begins at 0.5 to 1 s and grows to 5 to 10 s.
  static constexpr base::Duration kFirstPause = std::chrono::seconds(1);
  static constexpr base::Duration kLongestPause = std::chrono::seconds(10);
  /// The least time between two tries of one stream, even when another stream reaches the app.
  static constexpr base::Duration kShortestPause = std::chrono::milliseconds(500);
  /// A message during which the connection to the app broke this often is assumed to be the cause,
  /// and counts as failed.
  static constexpr unsigned kMaxInterruptions = 5;

  /// Called when the stream may be handed one message.
  using TryAgain = std::function<void(DeliveryStream&)>;

  AppWatch(base::Executor& executor, const core::Inbox& inbox, core::Counters& counters,
           base::Log log, TryAgain try_again);
  ~AppWatch();
  AppWatch(const AppWatch&) = delete;
  AppWatch& operator=(const AppWatch&) = delete;

  /// A delivery of the stream, which no longer holds it, got no answer from the app.
  void not_reached(DeliveryStream& stream, const core::DeliveryError& error);
  /// The app has answered a delivery, with success or failure.
  void answered(DeliveryStream& stream);
  /// A message is on its way to the stream.
  void handed_over(DeliveryStream& stream);
  /// An app has just subscribed.
  void opened() { try_all_soon(); }
  void closed(DeliveryStream& stream);

  /// Counts one more interruption of the message; true when there were too many. The count then
  /// starts again at 0.
  bool interrupted_too_often(core::InboxId message);
  /// The app has answered the message: its interruptions no longer count.
  void forget(core::InboxId message) { interruptions_.erase(message); }

 private:
  void try_all_soon();
  void wait_until(DeliveryStream& stream, base::TimePoint when);
  void end_absence(DeliveryStream& stream);
  void report(base::LogLevel level, std::string line);

  base::Executor& executor_;
  const core::Inbox& inbox_;
  core::Counters& counters_;
  const base::Log log_;
  const TryAgain try_again_;
  std::shared_ptr<AppWatch*> self_;  // tasks hold it weakly
  std::set<DeliveryStream*> away_;
  base::TimePoint began_{};  // when the first of them could not reach its app
  std::uint64_t seed_ = 0;
  std::map<core::InboxId, unsigned> interruptions_;
  // An app that comes and goes must not fill the log.
  base::RepeatFilter lines_{10};
};

}  // namespace dapr_mqtt::delivery
