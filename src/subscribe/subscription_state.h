// The state machine of an instance's subscriptions: it decides what is to be done and does no I/O
// (no broker, no executor, no clock).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "dapr_mqtt/base/backoff.h"
#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/repeat_filter.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/broker.h"
#include "dapr_mqtt/core/counters.h"
#include "dapr_mqtt/core/missing_answer.h"
#include "dapr_mqtt/core/session_store.h"
#include "dapr_mqtt/core/suspicion.h"
#include "dapr_mqtt/core/topic.h"
#include "dapr_mqtt/subscribe/connection_plan.h"
#include "dapr_mqtt/subscribe/subscribe_options.h"
#include "dapr_mqtt/subscribe/subscriptions.h"

namespace dapr_mqtt::subscribe {

/// What a timer is for: it is given to SubscriptionState::due() when the time has come.
namespace timer {
/// The streams of an earlier process have had their time to come back.
struct GraceOver {};
struct Retry {
  core::TopicFilter filter;
  std::uint64_t number;
};
/// The broker has had its time to answer a SUBSCRIBE.
struct SubscribeLate {
  core::TopicFilter filter;
  std::uint64_t generation;
};
struct UnsubscribeLate {
  std::uint64_t number;
};
}  // namespace timer
using SubscriptionTimer =
    std::variant<timer::GraceOver, timer::Retry, timer::SubscribeLate, timer::UnsubscribeLate>;

namespace action {
/// Makes and opens consumers until there are so many.
struct OpenConsumers {
  std::size_t count;
};
/// The answer goes to subscribe_answered().
struct Subscribe {
  std::size_t connection;
  core::TopicFilter filter;
  core::SubscribeOptions options;
  std::uint64_t generation;
};
/// The answer goes to unsubscribe_answered().
struct Unsubscribe {
  std::size_t connection;
  core::TopicFilter filter;
  std::uint64_t number;
};
/// Unsubscribes a filter that no stream wants on this connection, but that its session may have.
/// Success goes to stray_unsubscribed(); after a failure the next process tries again.
struct UnsubscribeStray {
  std::size_t connection;
  core::TopicFilter filter;
};
struct Reconnect {
  std::size_t connection;
  base::Status cause;
};
struct StartTimer {
  base::Duration after;
  SubscriptionTimer timer;
};
struct CancelRetry {
  std::uint64_t number;
};
/// The plan has changed.
struct ChangeRoutes {};
struct ReportEnded {
  core::TopicFilter filter;
};
struct ReportGraceOver {};
struct ReportGranted {
  core::TopicFilter filter;
  std::size_t endpoint;
};
struct ReportSessionLost {};
struct ReportHealth {
  base::Status health;
  std::optional<core::MissingAnswer> missing;
};
struct Settle {
  std::vector<std::function<void()>> settled;
};
/// In the store of the persistent session, if there is one.
struct StoreSubscribed {
  std::size_t connection;
  core::TopicFilter filter;
};
struct StoreUnsubscribed {
  std::size_t connection;
  core::TopicFilter filter;
};
struct Bump {
  core::Counters::Count core::Counters::*counter;
};
struct Log {
  enum class Level { kInfo, kWarning, kError } level;
  std::string line;
};
}  // namespace action
using SubscriptionAction =
    std::variant<action::OpenConsumers, action::Subscribe, action::Unsubscribe,
                 action::UnsubscribeStray, action::Reconnect, action::StartTimer,
                 action::CancelRetry, action::ChangeRoutes, action::ReportEnded,
                 action::ReportGraceOver, action::ReportGranted, action::ReportSessionLost,
                 action::ReportHealth, action::Settle, action::StoreSubscribed,
                 action::StoreUnsubscribed, action::Bump, action::Log>;
/// Actions to be carried out in this order, before the next event.
using SubscriptionActions = std::vector<SubscriptionAction>;

/// Each event returns the actions to be carried out. Events that come too late (an answer to an
/// older SUBSCRIBE) change nothing. Not thread-safe.
class SubscriptionState {
 public:
  struct Settings {
    bool clean_session = true;
    std::uint64_t seed = 0;  ///< for the back-off's jitter
    /// Subscriptions::Settings::grace; none without a SessionStore.
    std::optional<base::Duration> grace{};
  };
  using Settled = std::function<void()>;

  /// `left`: what an earlier process has subscribed in its session.
  SubscriptionState(Settings settings, std::vector<core::SessionSubscription> left);

  // What the streams and the instance want (Subscriptions).
  SubscriptionActions add(const core::TopicFilter& filter, const SubscriptionRequest& request,
                          Settled settled);
  SubscriptionActions remove(const core::TopicFilter& filter);
  /// False: nothing has changed. While suspended, connections are down on purpose, and their ends
  /// are not reported.
  bool suspend(bool on);
  SubscriptionActions close();

  // What the connections and timers report.
  SubscriptionActions connected(std::size_t connection, const core::SessionFound& session,
                                base::TimePoint now);
  SubscriptionActions disconnected(std::size_t connection, const base::Status& cause,
                                   core::ConnectionEnd end);
  SubscriptionActions subscribe_answered(const core::TopicFilter& filter, std::uint64_t generation,
                                         const base::Result<core::QoS>& granted,
                                         base::TimePoint now);
  SubscriptionActions unsubscribe_answered(std::uint64_t number, bool ok);
  SubscriptionActions stray_unsubscribed(std::size_t connection, const core::TopicFilter& filter);
  SubscriptionActions due(const SubscriptionTimer& timer);

  const ConnectionPlan& plan() const { return plan_; }
  struct Totals {
    std::size_t connections = 0, connections_up = 0;
    std::size_t subscriptions = 0, subscriptions_in_force = 0;
  };
  Totals totals() const;

 private:
  enum class Phase {
    kWaiting,      ///< for its connection, or for its next try
    kSubscribing,  ///< SUBSCRIBE is out
    kInForce,
  };
  struct Subscription {
    SubscriptionRequest request;
    std::size_t connection = 0;
    base::Backoff backoff;
    std::size_t streams = 0;
    Phase phase = Phase::kWaiting;
    std::uint64_t generation = 0;  ///< answers to an older SUBSCRIBE are stale
    base::Status refusal{};
    base::RepeatFilter repeats{};  ///< of refusals
    std::uint64_t retry = 0;       ///< the number of its timer; 0: none
    bool closes = false;           ///< the broker closes the connection on it: it is tried alone
    bool renewed = false;          ///< the session may have it already; subscribed again to be sure
    std::vector<Settled> settled{};
  };
  using Map = std::map<core::TopicFilter, Subscription>;
  struct Connection {
    bool up = false;
    bool resumed = false;      ///< the broker had its session when it connected
    std::size_t endpoint = 0;  ///< the last one it was connected to
    /// By endpoint: the filters that the session there may hold. Each of several brokers has its
    /// own session.
    std::map<std::size_t, std::set<core::TopicFilter>> at_endpoints{};
    /// Filters that ended while not connected; a persistent session still has them.
    std::vector<core::TopicFilter> to_unsubscribe{};
    base::Status last_cause = base::unavailable("not connected yet");
    core::Suspicion<core::TopicFilter> suspicion{};
    bool left = false;  ///< closed by us since it did not answer; counts as closed by the broker
  };
  /// What is done with the messages that wait in the inbox for a filter that ends.
  enum class Waiting { kGoes, kStays };
  struct Unsubscribing {
    core::TopicFilter filter;
    std::size_t connection;
    Waiting waiting;
  };

  template <typename Action>
  void act(Action action) {
    actions_.emplace_back(std::move(action));
  }
  void start_timer(base::Duration after, SubscriptionTimer timer);
  SubscriptionActions take() { return std::exchange(actions_, {}); }

  void begin();
  void open(std::size_t connection);
  void end_left_over();
  void drop(Map::iterator it);
  void settle(Subscription& subscription);
  void cancel_retry(Subscription& subscription);
  /// Unsubscribes filters that this endpoint's session may hold and no stream wants any more.
  void unsubscribe_forgotten(std::size_t connection);
  /// At once, or at the next connection.
  void unsubscribe_stray(std::size_t connection, const core::TopicFilter& filter);
  /// Sends SUBSCRIBE for what waits on this connection and may be sent; suspects last.
  void subscribe_waiting(std::size_t connection);
  void subscribe(Map::value_type& item);
  void session_lost(std::size_t connection);
  /// The broker has no session where one was left. It may have expired, or gone with the broker.
  void warn_of_lost_session(std::size_t connection);
  void unsubscribe(std::size_t connection, const core::TopicFilter& filter, Waiting waiting);
  void unsubscribed(const core::TopicFilter& filter, Waiting waiting);
  void end_unsubscribing(std::map<std::uint64_t, Unsubscribing>::iterator it, bool ok);
  /// The session on this connection does not have the filter any more.
  void forget(std::size_t connection, const core::TopicFilter& filter);
  /// The broker closes the connection on this subscription.
  void closed_on(std::size_t connection, const core::TopicFilter& filter, base::TimePoint now);
  void refuse(Map::value_type& item, const base::Status& why, base::TimePoint now);
  void retry(const timer::Retry& retry);
  void subscribe_late(const timer::SubscribeLate& late);
  void unsubscribe_late(const timer::UnsubscribeLate& late);
  /// The broker has not sent this packet in time: closes the connection and connects again.
  void leave(std::size_t connection, const char* packet, const core::TopicFilter& filter);
  void report();
  base::Status health() const;

  const Settings settings_;
  ConnectionPlan plan_;
  std::set<std::size_t> earlier_sessions_;  ///< connections whose session an earlier process left
  Map subscriptions_;
  std::vector<Connection> connections_;
  std::vector<core::SessionSubscription> left_over_;  ///< no stream has asked for them yet
  std::map<std::uint64_t, Unsubscribing> unsubscribing_;
  bool begun_ = false;  ///< the first stream was added
  std::uint64_t last_number_ = 0;
  std::optional<core::MissingAnswer> missing_;  ///< to a SUBSCRIBE that still waits for it
  bool suspended_ = false;
  bool closed_ = false;
  SubscriptionActions actions_;  ///< of the event that is being handled
};

}  // namespace dapr_mqtt::subscribe
