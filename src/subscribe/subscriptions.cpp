#include "dapr_mqtt/subscribe/subscriptions.h"

#include <algorithm>
#include <utility>

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::subscribe {
namespace {

using std::chrono::seconds;

// A refusal is mended by a person (an ACL): patient, but no restart needed.
constexpr seconds kRetryFirst{1};
constexpr seconds kRetryMost{60};

}  // namespace

/// One consumer's connection; turns its calls into tasks on the executor.
class Subscriptions::Connection final : public core::ConnectionListener {
 public:
  Connection(Subscriptions& owner, std::size_t index) : owner_(owner), index_(index) {}

  void on_connected(bool session_present) override {
    owner_.executor_.post([this, session_present] { owner_.connected(*this, session_present); });
  }
  void on_disconnected(const base::Status& cause) override {
    owner_.executor_.post([this, cause] { owner_.disconnected(*this, cause); });
  }

  ~Connection() override { consumer.reset(); }  // may still call its listener

  std::size_t index() const { return index_; }

  std::unique_ptr<core::BrokerConsumer> consumer;
  bool up = false;
  bool resumed = false;  ///< its session is older than this process
  /// Ended while not connected; a session that outlived that still has them.
  std::vector<core::TopicFilter> to_unsubscribe;
  base::Status last_cause = base::unavailable("not connected yet");

 private:
  Subscriptions& owner_;
  const std::size_t index_;
};

Subscriptions::Subscriptions(base::Executor& executor, SubscriptionHost& host, Settings settings,
                             core::Counters& counters, base::Log log)
    : executor_(executor),
      host_(host),
      settings_(settings),
      counters_(counters),
      log_(std::move(log)) {
  if (settings_.session == nullptr) return;
  left_over_ = settings_.session->subscriptions();
  for (const auto& [connection, filter] : left_over_) plan_.place(connection, filter);
}

Subscriptions::~Subscriptions() = default;

Subscriptions::Connection& Subscriptions::connection(std::size_t index) {
  while (connections_.size() <= index) {
    auto made = std::make_unique<Connection>(*this, connections_.size());
    made->consumer = host_.make_consumer(made->index(), *made);
    if (suspended_) made->consumer->suspend();
    made->consumer->open();
    connections_.push_back(std::move(made));
  }
  return *connections_[index];
}

void Subscriptions::begin() {
  if (std::exchange(begun_, true)) return;
  if (settings_.session != nullptr) {
    executor_.post_at(executor_.now() + settings_.grace, [this] { end_left_over(); });
  }
  if (plan_.connections() == 0) return;
  host_.routes_changed(plan_);
  connection(plan_.connections() - 1);  // and all before it
}

void Subscriptions::end_left_over() {
  if (closed_) return;
  for (const auto& [index, filter] : std::exchange(left_over_, {})) {
    log_.warn("topic filter " + base::quote(filter.str()) +
              ": an earlier run subscribed to it, and no app has since this one began: "
              "unsubscribed");
    unsubscribe(*connections_[index], filter, Waiting::kStays);
  }
  host_.grace_over();
}

void Subscriptions::add(const core::TopicFilter& filter, const SubscriptionRequest& request,
                        Settled settled) {
  if (closed_) {
    settled();
    return;
  }
  begin();
  auto it = subscriptions_.find(filter);
  const bool fresh = it == subscriptions_.end();
  if (fresh) {
    it = subscriptions_
             .emplace(filter, Subscription{request, plan_.assign(filter), 0, State::kWaiting, 0, {},
                                           base::Backoff(kRetryFirst, kRetryMost,
                                                         settings_.seed + subscriptions_.size()),
                                           {}, 0, {}})
             .first;
    host_.routes_changed(plan_);
    std::erase_if(left_over_, [&](const auto& other) { return other.filter == filter; });
    if (settings_.session != nullptr) {
      settings_.session->subscribed(it->second.connection, filter);
    }
  }
  Subscription& subscription = it->second;
  ++subscription.streams;
  subscription.settled.push_back(std::move(settled));
  const bool changed = !(subscription.request.options == request.options);
  if (!fresh && changed && subscription.streams > 1) {
    log_.warn("topic filter " + base::quote(filter.str()) +
              ": two subscriptions with different options; the newer ones (qos " +
              std::to_string(core::to_int(request.options.qos)) + ") hold for both");
  }
  subscription.request = request;
  if (changed) subscription.state = State::kWaiting;

  Connection& on = connection(subscription.connection);
  count();
  if (subscription.state == State::kInForce) {
    settle(subscription);
  } else if (subscription.state == State::kWaiting && on.up) {
    subscribe(*it);
  }  // else the answer, or the connection, to come settles it
}

void Subscriptions::remove(const core::TopicFilter& filter) {
  const auto it = subscriptions_.find(filter);
  if (it == subscriptions_.end() || it->second.streams == 0) return;
  if (--it->second.streams > 0 || closed_) return;
  if (!settings_.clean_session && !it->second.request.unsubscribe_on_close) return;
  drop(it);
}

void Subscriptions::drop(Map::iterator it) {
  const core::TopicFilter filter = it->first;
  Subscription subscription = std::move(it->second);
  subscriptions_.erase(it);
  if (subscription.retry != 0) executor_.cancel(subscription.retry);
  settle(subscription);
  unsubscribe(*connections_[subscription.connection], filter, Waiting::kGoes);
  report();
}

void Subscriptions::unsubscribe(Connection& on, const core::TopicFilter& filter, Waiting waiting) {
  if (!on.up) {
    if (!settings_.clean_session) on.to_unsubscribe.push_back(filter);
    return unsubscribed(filter, waiting);
  }
  // Messages may come until the broker has answered: they keep their route.
  on.consumer->unsubscribe(filter, [this, filter, &on, waiting](const base::Status& status) {
    executor_.post([this, filter, &on, waiting, ok = status.ok()] {
      // A connection that broke first ends a clean session's subscriptions too.
      if (ok || settings_.clean_session) {
        forget(on, filter);
      } else {
        on.to_unsubscribe.push_back(filter);
      }
      unsubscribed(filter, waiting);
    });
  });
}

void Subscriptions::unsubscribed(const core::TopicFilter& filter, Waiting waiting) {
  if (subscriptions_.contains(filter)) return;  // wanted again meanwhile
  plan_.remove(filter);
  host_.routes_changed(plan_);
  if (waiting == Waiting::kGoes) host_.subscription_ended(filter);
}

void Subscriptions::forget(const Connection& on, const core::TopicFilter& filter) {
  if (settings_.session == nullptr) return;
  const auto it = subscriptions_.find(filter);
  const bool wanted = it != subscriptions_.end() && it->second.connection == on.index();
  if (!wanted) settings_.session->unsubscribed(on.index(), filter);
}

void Subscriptions::connected(Connection& connection, bool session_present) {
  connection.up = true;
  core::bump(counters_.connections);
  if (!session_present) session_lost(connection);
  connection.resumed = connection.resumed || session_present;
  for (auto& item : subscriptions_) {
    Subscription& subscription = item.second;
    if (subscription.connection != connection.index()) {
      if (session_present) unsubscribe_stray(connection, item.first);
      continue;
    }
    // The broker kept what it had confirmed. Subscribing again would only make
    // it send all retained messages once more (MQTT-3.8.4-3).
    if (session_present && subscription.state == State::kInForce) {
      settle(subscription);
    } else {
      subscribe(item);
    }
  }
  for (const core::TopicFilter& filter : std::exchange(connection.to_unsubscribe, {})) {
    if (!session_present) {
      forget(connection, filter);
    } else if (!subscriptions_.contains(filter)) {
      unsubscribe_stray(connection, filter);
    }
  }
  report();
}

void Subscriptions::session_lost(const Connection& connection) {
  std::erase_if(left_over_, [&](const core::SessionSubscription& gone) {
    if (gone.connection != connection.index()) return false;
    forget(connection, gone.filter);
    plan_.remove(gone.filter);
    return true;
  });
  host_.routes_changed(plan_);
}

void Subscriptions::unsubscribe_stray(Connection& connection, const core::TopicFilter& filter) {
  connection.consumer->unsubscribe(filter, [this, filter, &connection](const base::Status& status) {
    if (!status.ok()) return;  // the next process will try again
    executor_.post([this, filter, &connection] { forget(connection, filter); });
  });
}

void Subscriptions::disconnected(Connection& connection, const base::Status& cause) {
  connection.up = false;
  connection.last_cause = cause;
  core::connection_failed(counters_);
  for (auto& [filter, subscription] : subscriptions_) {
    if (subscription.connection != connection.index()) continue;
    // What a persistent session held stays in force; the next CONNACK says if not.
    const bool lost = settings_.clean_session || subscription.state == State::kSubscribing;
    if (lost) subscription.state = State::kWaiting;
  }
  report();
}

void Subscriptions::subscribe(Map::value_type& item) {
  const core::TopicFilter& filter = item.first;
  Subscription& subscription = item.second;
  if (subscription.retry != 0) executor_.cancel(std::exchange(subscription.retry, 0));
  subscription.state = State::kSubscribing;
  const std::uint64_t generation = ++last_generation_;
  subscription.generation = generation;
  for (const auto& other : connections_) {
    if (other->index() != subscription.connection && other->up && other->resumed) {
      unsubscribe_stray(*other, filter);
    }
  }
  connections_[subscription.connection]->consumer->subscribe(
      filter, subscription.request.options,
      [this, filter, generation](const base::Result<core::QoS>& granted) {
        executor_.post(
            [this, filter, generation, granted] { answered(filter, generation, granted); });
      });
}

void Subscriptions::answered(const core::TopicFilter& filter, std::uint64_t generation,
                             const base::Result<core::QoS>& granted) {
  const auto it = subscriptions_.find(filter);
  if (it == subscriptions_.end() || it->second.generation != generation || closed_) return;
  Subscription& subscription = it->second;
  if (!granted.ok()) {
    if (granted.status().kind() == base::ErrorKind::kUnavailable ||
        granted.status().kind() == base::ErrorKind::kCancelled) {
      // The connection broke first: the next one subscribes again.
      subscription.state = State::kWaiting;
      return;
    }
    refuse(*it, granted.status());
    return;
  }
  subscription.state = State::kInForce;
  subscription.backoff.reset();
  if (!subscription.refusal.ok()) {
    log_.info("topic filter " + base::quote(filter.str()) + ": the broker accepts it now");
    subscription.refusal = {};
    subscription.repeats.reset();
  }
  if (granted.value() < subscription.request.options.qos) {
    log_.warn("topic filter " + base::quote(filter.str()) + ": the broker grants qos " +
              std::to_string(core::to_int(granted.value())) + " only, not " +
              std::to_string(core::to_int(subscription.request.options.qos)));
  }
  settle(subscription);
  report();
}

void Subscriptions::refuse(Map::value_type& item, const base::Status& why) {
  Subscription& subscription = item.second;
  subscription.state = State::kWaiting;
  core::bump(counters_.subscribe_refused);
  const base::Duration delay = subscription.backoff.next();
  const auto line = subscription.repeats.pass(
      why.message(),
      "topic filter " + base::quote(item.first.str()) + ": subscription refused: " + why.message() +
          "; the stream stays open, next try in " +
          std::to_string(std::chrono::duration_cast<seconds>(delay).count() + 1) + " s",
      executor_.now());
  if (line) log_.error(*line);
  subscription.refusal = why;
  subscription.retry = executor_.post_at(executor_.now() + delay, [this, filter = item.first] {
    const auto it = subscriptions_.find(filter);
    if (it == subscriptions_.end() || closed_) return;
    it->second.retry = 0;
    if (it->second.state == State::kWaiting && connections_[it->second.connection]->up) {
      subscribe(*it);
    }
  });
  settle(subscription);
  report();
}

void Subscriptions::settle(Subscription& subscription) {
  for (Settled& settled : std::exchange(subscription.settled, {})) settled();
}

void Subscriptions::suspend() {
  if (std::exchange(suspended_, true)) return;
  for (auto& connection : connections_) connection->consumer->suspend();
}

void Subscriptions::resume() {
  if (!std::exchange(suspended_, false)) return;
  for (auto& connection : connections_) connection->consumer->resume();
}

void Subscriptions::close(std::function<void()> closed) {
  closed_ = true;
  for (auto& [filter, subscription] : subscriptions_) settle(subscription);
  // One count for each connection, and one for this call itself.
  auto open = std::make_shared<std::size_t>(connections_.size() + 1);
  const auto one_less = [open, closed = std::move(closed)] {
    if (--*open == 0) closed();
  };
  for (auto& connection : connections_) {
    connection->consumer->close([this, one_less] { executor_.post(one_less); });
  }
  one_less();
}

void Subscriptions::report() {
  count();
  host_.health_changed(health());
}

void Subscriptions::count() {
  const auto sum = [](const auto& range, const auto& counts) {
    return static_cast<std::int64_t>(std::count_if(range.begin(), range.end(), counts));
  };
  core::set(counters_.consumers, static_cast<std::int64_t>(connections_.size()));
  core::set(counters_.consumers_up, sum(connections_, [](const auto& c) { return c->up; }));
  core::set(counters_.subscriptions, static_cast<std::int64_t>(subscriptions_.size()));
  core::set(counters_.subscriptions_in_force, sum(subscriptions_, [this](const auto& item) {
              return item.second.state == State::kInForce &&
                     connections_[item.second.connection]->up;
            }));
}

base::Status Subscriptions::health() const {
  for (const auto& connection : connections_) {
    if (!connection->up && !suspended_) {
      return connection->last_cause.with_context("not connected for receiving");
    }
  }
  for (const auto& [filter, subscription] : subscriptions_) {
    if (!subscription.refusal.ok() && subscription.streams > 0) {
      return subscription.refusal.with_context("topic filter " + base::quote(filter.str()));
    }
  }
  return {};
}

}  // namespace dapr_mqtt::subscribe
