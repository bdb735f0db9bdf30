// The subscriptions of one instance: the broker is kept subscribed to what the streams want,
// through refusals, broken connections and restarts of the broker.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/log.h"
#include "dapr_mqtt/core/broker.h"
#include "dapr_mqtt/core/counters.h"
#include "dapr_mqtt/core/missing_answer.h"
#include "dapr_mqtt/core/session_store.h"
#include "dapr_mqtt/core/topic.h"
#include "dapr_mqtt/subscribe/connection_plan.h"
#include "dapr_mqtt/subscribe/subscribe_options.h"

namespace dapr_mqtt::subscribe {

class SubscriptionState;

/// What Subscriptions needs from its instance. Called on the executor.
class SubscriptionHost {
 public:
  virtual ~SubscriptionHost() = default;
  /// Makes a consumer, not yet open, for connection `index`. Connection 0 has the consumerID as
  /// client ID, the others one derived from it. Throws std::system_error when the system has no
  /// thread for it.
  virtual std::unique_ptr<core::BrokerConsumer> make_consumer(
      std::size_t index, core::ConnectionListener& listener) = 0;
  /// Called with the new routes of messages before a SUBSCRIBE is sent and after an UNSUBSCRIBE.
  virtual void routes_changed(const ConnectionPlan& plan) = 0;
  /// A filter's last stream has closed and the filter is unsubscribed: messages that wait for it
  /// may be dropped.
  virtual void subscription_ended(const core::TopicFilter& filter) = 0;
  /// The streams of an earlier process have had their time to come back. Its subscriptions that no
  /// stream has asked for are being ended.
  virtual void grace_over() = 0;
  /// The broker at this endpoint (index in ConnectionOptions::endpoints) has granted the filter.
  virtual void granted(const core::TopicFilter& /*filter*/, std::size_t /*endpoint*/) {}
  /// The broker has no session any more, so it does not keep earlier messages.
  virtual void session_lost() {}
  /// OK, or what is wrong (not connected, refused filters).
  virtual void health_changed(const base::Status& health) = 0;
  /// The broker does not answer a SUBSCRIBE. None: it has answered, or no stream wants the filter
  /// any more.
  virtual void answer_missing(const std::optional<core::MissingAnswer>& answer) = 0;
};

/// A persistent session may hold subscriptions of an earlier process. Each keeps its connection, so
/// that its messages find their queue before its stream is open again. It is unsubscribed when no
/// stream has asked for it in time.
///
/// When the broker closes the connection because of a subscription, that subscription is found
/// (core::Suspicion) and counts as refused; the others go on. The same is done with a subscription
/// that the broker does not answer within kAnswerTimeout: its connection is closed and made again.
/// Such a subscription is tried again only after minutes, since each try costs all subscriptions of
/// its connection a reconnect, and only while a stream wants it.
///
/// A session that the broker reports as present is trusted only if it is the one that was left
/// (core::SessionFound): otherwise everything is subscribed again. With MQTT 3.1.1 the broker then
/// sends retained messages again (MQTT-3.8.4-3); with MQTT 5 only for a subscription that the
/// session did not have (retain handling 1).
///
/// Runs on one executor: all methods are called on it, and what the connections report is posted to
/// it. Destroyed after the executor has stopped.
class Subscriptions {
 public:
  static constexpr std::chrono::seconds kAnswerTimeout{20};

  struct Settings {
    bool clean_session = true;
    std::uint64_t seed = 0;  ///< for the back-off's jitter
    /// The store of the persistent session; null: there is none. Outlives this.
    core::SessionStore* session = nullptr;
    /// How long, from the first stream on, the subscriptions of an earlier process are kept for
    /// streams that have not come back: the time that an app may take to start and open all its
    /// streams.
    base::Duration grace = std::chrono::minutes(5);
  };

  Subscriptions(base::Executor& executor, SubscriptionHost& host, Settings settings,
                core::Counters& counters, base::Log log);
  ~Subscriptions();

  /// Called once when the subscription is in force, or refused (and tried again
  /// with back-off), or given up because the instance closes.
  using Settled = std::function<void()>;

  /// One more stream wants `filter`. The first one opens the consumer's connection. Streams of one
  /// filter share its subscription, with the newest options.
  void add(const core::TopicFilter& filter, const SubscriptionRequest& request, Settled settled);
  /// A stream has closed. After the last one a clean session unsubscribes; a persistent one keeps
  /// the subscription unless unsubscribe_on_close is set.
  void remove(const core::TopicFilter& filter);

  /// Stop and start receiving: the connections are closed, and the broker keeps their sessions.
  void suspend();
  void resume();

  /// Disconnects all connections; `closed` runs when the broker counts none as connected.
  void close(std::function<void()> closed);

 private:
  class Actions;

  const std::unique_ptr<SubscriptionState> state_;
  const std::unique_ptr<Actions> actions_;
};

}  // namespace dapr_mqtt::subscribe
