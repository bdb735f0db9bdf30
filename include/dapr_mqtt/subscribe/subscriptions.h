// The subscriptions of one instance: what its streams want, kept in force at
// the broker through refusals, broken connections and restarts of the broker.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dapr_mqtt/base/backoff.h"
#include "dapr_mqtt/base/repeat_filter.h"
#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/core/broker.h"
#include "dapr_mqtt/core/counters.h"
#include "dapr_mqtt/core/session_store.h"
#include "dapr_mqtt/subscribe/connection_plan.h"
#include "dapr_mqtt/subscribe/subscribe_options.h"

namespace dapr_mqtt::subscribe {

/// What Subscriptions needs from its instance. Called on the executor.
class SubscriptionHost {
 public:
  virtual ~SubscriptionHost() = default;
  /// A consumer for connection `index`; 0 has the consumerID as client ID, the
  /// others one derived from it. Not yet open.
  virtual std::unique_ptr<core::BrokerConsumer> make_consumer(
      std::size_t index, core::ConnectionListener& listener) = 0;
  /// Before a SUBSCRIBE goes out and after an UNSUBSCRIBE: where messages go now.
  virtual void routes_changed(const ConnectionPlan& plan) = 0;
  /// A filter's last stream has gone and it is unsubscribed: what waits for it
  /// may be dropped.
  virtual void subscription_ended(const core::TopicFilter& filter) = 0;
  /// The streams of an earlier process have had their time to come back, and its
  /// subscriptions that none of them wants any more are being ended.
  virtual void grace_over() = 0;
  /// OK, or what is not as it should be (not connected, refused filters).
  virtual void health_changed(const base::Status& health) = 0;
};

/// A persistent session may hold subscriptions of an earlier process: each keeps
/// its connection, so that its messages find their queue before its stream is open
/// again, and is unsubscribed when no stream has come for it in time.
///
/// Runs on one executor: all methods are called on it, and it posts to it what
/// the connections report. Destroyed after the executor has stopped.
class Subscriptions {
 public:
  struct Settings {
    bool clean_session = true;
    std::uint64_t seed = 0;  ///< for the back-off's jitter
    /// Of a persistent session; null: none. Outlives this.
    core::SessionStore* session = nullptr;
    /// From the first stream on, how long the subscriptions of an earlier process
    /// are kept for streams that have not come back. As long as an app may take to
    /// start and open all of its streams.
    base::Duration grace = std::chrono::minutes(5);
  };

  Subscriptions(base::Executor& executor, SubscriptionHost& host, Settings settings,
                core::Counters& counters, base::Log log);
  ~Subscriptions();

  /// Called once when the subscription is in force, or refused (and tried again
  /// with back-off), or given up because the instance closes.
  using Settled = std::function<void()>;

  /// One more stream wants `filter`. The first opens the consumer's connection.
  /// Streams of one filter share its subscription, with the newest options.
  void add(const core::TopicFilter& filter, const SubscriptionRequest& request, Settled settled);
  /// A stream has gone. With the last one a clean session unsubscribes; a
  /// persistent one keeps the subscription unless unsubscribe_on_close.
  void remove(const core::TopicFilter& filter);

  /// Intake off and on: the connections close with their sessions kept.
  void suspend();
  void resume();

  /// Disconnects all; `closed` runs when the broker takes none for alive.
  void close(std::function<void()> closed);

 private:
  class Connection;
  enum class State {
    kWaiting,      ///< for its connection, or for its next try
    kSubscribing,  ///< SUBSCRIBE is out
    kInForce,
  };
  struct Subscription {
    SubscriptionRequest request;
    std::size_t connection = 0;
    std::size_t streams = 0;
    State state = State::kWaiting;
    std::uint64_t generation = 0;  ///< answers to an older SUBSCRIBE are stale
    base::Status refusal;
    base::Backoff backoff;
    base::RepeatFilter repeats;  ///< of refusals
    base::Executor::TimerId retry = 0;
    std::vector<Settled> settled;
  };
  using Map = std::map<core::TopicFilter, Subscription>;

  Connection& connection(std::size_t index);
  void connected(Connection& connection, bool session_present);
  void disconnected(Connection& connection, const base::Status& cause);
  void subscribe(Map::value_type& item);
  /// An earlier process may have had the filter on another of our connections,
  /// whose session would go on receiving it.
  void unsubscribe_stray(Connection& connection, const core::TopicFilter& filter);
  void begin();
  void end_left_over();
  void session_lost(const Connection& connection);
  /// What waits in the inbox for a filter that ends.
  enum class Waiting { kGoes, kStays };
  void unsubscribe(Connection& on, const core::TopicFilter& filter, Waiting waiting);
  /// The session on this connection does not have the filter any more.
  void forget(const Connection& on, const core::TopicFilter& filter);
  void answered(const core::TopicFilter& filter, std::uint64_t generation,
                const base::Result<core::QoS>& granted);
  void refuse(Map::value_type& item, const base::Status& why);
  void settle(Subscription& subscription);
  void drop(Map::iterator it);
  void unsubscribed(const core::TopicFilter& filter, Waiting waiting);
  void report();
  void count();  ///< for metrics
  base::Status health() const;

  base::Executor& executor_;
  SubscriptionHost& host_;
  const Settings settings_;
  core::Counters& counters_;
  const base::Log log_;
  ConnectionPlan plan_;
  Map subscriptions_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<core::SessionSubscription> left_over_;  ///< no stream has come for them yet
  bool begun_ = false;                                 ///< the first stream has come
  std::uint64_t last_generation_ = 0;
  bool suspended_ = false;
  bool closed_ = false;
};

}  // namespace dapr_mqtt::subscribe
