#include "subscribe/subscription_state.h"

#include <algorithm>
#include <utility>

#include "dapr_mqtt/base/overloaded.h"
#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::subscribe {
namespace {

using std::chrono::seconds;
using Level = action::Log::Level;

constexpr seconds kAnswerTimeout = Subscriptions::kAnswerTimeout;

// A refusal (by an ACL) has to be corrected by a person, so retries are slow. They make a restart
// unnecessary.
constexpr seconds kRetryFirst{1};
constexpr seconds kRetryMost{60};
// Each try costs the other subscriptions of the connection a reconnect.
constexpr seconds kRetryClosedFirst{60};
constexpr seconds kRetryClosedMost{600};

std::string of(const core::TopicFilter& filter) {
  return "topic filter " + base::quote(filter.str());
}

}  // namespace

SubscriptionState::SubscriptionState(Settings settings, std::vector<core::SessionSubscription> left)
    : settings_(settings), left_over_(std::move(left)) {
  for (const auto& [connection, filter] : left_over_) {
    plan_.place(connection, filter);
    earlier_sessions_.insert(connection);
  }
}

void SubscriptionState::begin() {
  if (std::exchange(begun_, true)) return;
  if (settings_.grace) start_timer(*settings_.grace, timer::GraceOver{});
  if (left_over_.empty()) return;
  act(action::ChangeRoutes{});
  // Not only those of the plan, which has each filter once: two sessions may hold the same one.
  for (const auto& left : left_over_) open(left.connection);
}

void SubscriptionState::open(std::size_t connection) {
  if (connection < connections_.size()) return;
  connections_.resize(connection + 1);
  act(action::OpenConsumers{connections_.size()});
}

void SubscriptionState::end_left_over() {
  if (closed_) return;
  for (const auto& [connection, filter] : std::exchange(left_over_, {})) {
    act(action::Log{
        Level::kWarning,
        of(filter) + ": unsubscribed, since an earlier run had subscribed to it and no app has in "
                     "this run"});
    unsubscribe(connection, filter, Waiting::kStays);
  }
  act(action::ReportGraceOver{});
}

SubscriptionActions SubscriptionState::add(const core::TopicFilter& filter,
                                           const SubscriptionRequest& request, Settled settled) {
  if (closed_) {
    act(action::Settle{{std::move(settled)}});
    return take();
  }
  begin();
  auto it = subscriptions_.find(filter);
  const bool fresh = it == subscriptions_.end();
  if (fresh) {
    it =
        subscriptions_
            .emplace(filter,
                     Subscription{.request = request,
                                  .connection = plan_.assign(filter),
                                  .backoff = base::Backoff(kRetryFirst, kRetryMost,
                                                           settings_.seed + subscriptions_.size())})
            .first;
    act(action::ChangeRoutes{});
    std::erase_if(left_over_, [&](const auto& other) { return other.filter == filter; });
    act(action::StoreSubscribed{it->second.connection, filter});
  }
  Subscription& subscription = it->second;
  ++subscription.streams;
  subscription.settled.push_back(std::move(settled));
  const bool changed = !(subscription.request.options == request.options);
  if (!fresh && changed && subscription.streams > 1) {
    act(action::Log{Level::kWarning,
                    of(filter) +
                        ": two subscriptions with different options; the newer ones (qos " +
                        std::to_string(core::to_int(request.options.qos)) + ") apply to both"});
  }
  subscription.request = request;
  if (changed) subscription.phase = Phase::kWaiting;
  cancel_retry(subscription);
  open(subscription.connection);
  if (subscription.phase == Phase::kInForce) {
    settle(subscription);
  } else {
    if (subscription.closes) connections_[subscription.connection].suspicion.suspect(filter);
    subscribe_waiting(subscription.connection);
  }  // it is settled later, by the answer or by the next connection
  return take();
}

SubscriptionActions SubscriptionState::remove(const core::TopicFilter& filter) {
  const auto it = subscriptions_.find(filter);
  if (it == subscriptions_.end() || it->second.streams == 0) return {};
  if (--it->second.streams > 0 || closed_) return {};
  if (settings_.clean_session || it->second.request.unsubscribe_on_close) drop(it);
  report();
  return take();
}

void SubscriptionState::drop(Map::iterator it) {
  const core::TopicFilter filter = it->first;
  Subscription subscription = std::move(it->second);
  subscriptions_.erase(it);
  cancel_retry(subscription);
  settle(subscription);
  unsubscribe(subscription.connection, filter, Waiting::kGoes);
}

void SubscriptionState::settle(Subscription& subscription) {
  if (subscription.settled.empty()) return;
  act(action::Settle{std::exchange(subscription.settled, {})});
}

void SubscriptionState::start_timer(base::Duration after, SubscriptionTimer timer) {
  act(action::StartTimer{after, std::move(timer)});
}

void SubscriptionState::cancel_retry(Subscription& subscription) {
  if (subscription.retry != 0) act(action::CancelRetry{std::exchange(subscription.retry, 0)});
}

bool SubscriptionState::suspend(bool on) {
  if (std::exchange(suspended_, on) == on) return false;
  if (!on) return true;
  for (Connection& connection : connections_) {
    connection.up = false;
    connection.left = false;
    connection.last_cause = base::unavailable("receiving was stopped for a time");
    connection.suspicion.not_connected();
  }
  for (auto& [filter, subscription] : subscriptions_) {
    if (subscription.phase == Phase::kSubscribing) subscription.phase = Phase::kWaiting;
  }
  return true;
}

SubscriptionActions SubscriptionState::close() {
  closed_ = true;
  for (auto& [filter, subscription] : subscriptions_) settle(subscription);
  return take();
}

void SubscriptionState::unsubscribe(std::size_t connection, const core::TopicFilter& filter,
                                    Waiting waiting) {
  Connection& on = connections_[connection];
  if (!on.up) {
    if (!settings_.clean_session) on.to_unsubscribe.push_back(filter);
    return unsubscribed(filter, waiting);
  }
  // Messages may come until the broker has answered, so the filter keeps its route until then.
  const std::uint64_t number = ++last_number_;
  unsubscribing_.emplace(number, Unsubscribing{filter, connection, waiting});
  act(action::Unsubscribe{connection, filter, number});
  start_timer(kAnswerTimeout, timer::UnsubscribeLate{number});
}

SubscriptionActions SubscriptionState::unsubscribe_answered(std::uint64_t number, bool ok) {
  const auto it = unsubscribing_.find(number);
  if (it != unsubscribing_.end()) end_unsubscribing(it, ok);
  return take();
}

void SubscriptionState::end_unsubscribing(std::map<std::uint64_t, Unsubscribing>::iterator it,
                                          bool ok) {
  const Unsubscribing ended = std::move(it->second);
  unsubscribing_.erase(it);
  // A clean session's subscriptions also end when the connection breaks before the answer.
  if (ok || settings_.clean_session) {
    forget(ended.connection, ended.filter);
  } else {
    connections_[ended.connection].to_unsubscribe.push_back(ended.filter);
  }
  unsubscribed(ended.filter, ended.waiting);
}

void SubscriptionState::unsubscribe_late(const timer::UnsubscribeLate& late) {
  const auto it = unsubscribing_.find(late.number);
  if (it == unsubscribing_.end() || closed_) return;
  const core::TopicFilter filter = it->second.filter;
  const std::size_t connection = it->second.connection;
  act(action::Bump{&core::Counters::unsubscribe_acks_missing});
  end_unsubscribing(it, false);
  leave(connection, "UNSUBACK", filter);
}

void SubscriptionState::unsubscribed(const core::TopicFilter& filter, Waiting waiting) {
  if (subscriptions_.contains(filter)) return;  // wanted again meanwhile
  plan_.remove(filter);
  act(action::ChangeRoutes{});
  if (waiting == Waiting::kGoes) act(action::ReportEnded{filter});
}

SubscriptionActions SubscriptionState::stray_unsubscribed(std::size_t connection,
                                                          const core::TopicFilter& filter) {
  forget(connection, filter);
  return take();
}

void SubscriptionState::forget(std::size_t connection, const core::TopicFilter& filter) {
  const auto it = subscriptions_.find(filter);
  if (it != subscriptions_.end() && it->second.connection == connection) return;  // wanted
  Connection& on = connections_[connection];
  on.at_endpoints[on.endpoint].erase(filter);
  act(action::StoreUnsubscribed{connection, filter});
}

SubscriptionActions SubscriptionState::connected(std::size_t connection,
                                                 const core::SessionFound& session,
                                                 base::TimePoint now) {
  Connection& on = connections_[connection];
  on.up = !suspended_;  // it may have been reported just before suspend()
  const bool elsewhere = std::exchange(on.endpoint, session.endpoint) != session.endpoint;
  if (!session.present) {
    warn_of_lost_session(connection);
    on.at_endpoints[session.endpoint].clear();
    session_lost(connection);
    act(action::ReportSessionLost{});
  }
  earlier_sessions_.erase(connection);
  on.resumed = on.resumed || session.present;
  if (const auto filter = on.suspicion.connected(elsewhere)) closed_on(connection, *filter, now);
  for (auto& [filter, subscription] : subscriptions_) {
    if (subscription.connection != connection) {
      if (session.present) unsubscribe_stray(connection, filter);
      continue;
    }
    // The broker kept the subscription. Subscribing again would only make it send all retained
    // messages once more (MQTT-3.8.4-3).
    if (session.present && session.as_left && subscription.phase == Phase::kInForce) {
      settle(subscription);
      continue;
    }
    subscription.renewed =
        session.present && (subscription.renewed || subscription.phase == Phase::kInForce);
    subscription.phase = Phase::kWaiting;
    if (!subscription.closes) cancel_retry(subscription);
  }
  subscribe_waiting(connection);
  if (session.present && !session.as_left) unsubscribe_forgotten(connection);
  for (const core::TopicFilter& filter : std::exchange(on.to_unsubscribe, {})) {
    if (!session.present) {
      forget(connection, filter);
    } else if (!subscriptions_.contains(filter)) {
      unsubscribe_stray(connection, filter);
    }
  }
  report();
  return take();
}

void SubscriptionState::unsubscribe_forgotten(std::size_t connection) {
  Connection& on = connections_[connection];
  for (const core::TopicFilter& filter : on.at_endpoints[on.endpoint]) {
    const auto it = subscriptions_.find(filter);
    if (it == subscriptions_.end() || it->second.connection != connection) {
      unsubscribe_stray(connection, filter);
    }
  }
}

void SubscriptionState::unsubscribe_stray(std::size_t connection, const core::TopicFilter& filter) {
  Connection& on = connections_[connection];
  if (on.up) {
    act(action::UnsubscribeStray{connection, filter});
  } else {
    on.to_unsubscribe.push_back(filter);
  }
}

void SubscriptionState::session_lost(std::size_t connection) {
  std::erase_if(left_over_, [&](const core::SessionSubscription& gone) {
    if (gone.connection != connection) return false;
    forget(connection, gone.filter);
    plan_.remove(gone.filter);
    return true;
  });
  // Another session may hold the same filter.
  for (const auto& left : left_over_) plan_.place(left.connection, left.filter);
  act(action::ChangeRoutes{});
}

void SubscriptionState::warn_of_lost_session(std::size_t connection) {
  Connection& on = connections_[connection];
  const bool was_left =
      earlier_sessions_.contains(connection) || !on.at_endpoints[on.endpoint].empty();
  if (settings_.clean_session || !was_left) return;
  act(action::Bump{&core::Counters::sessions_lost});
  act(action::Log{
      Level::kWarning,
      "the broker has no session any more where an earlier connection left one: messages that "
      "waited in it are lost. Either the session expired, or the broker does not keep sessions "
      "over a restart, or this is another of the brokers in url"});
}

SubscriptionActions SubscriptionState::disconnected(std::size_t connection,
                                                    const base::Status& cause,
                                                    core::ConnectionEnd end) {
  Connection& on = connections_[connection];
  on.up = false;
  on.last_cause = cause;
  std::vector<core::TopicFilter> open;
  for (auto& [filter, subscription] : subscriptions_) {
    if (subscription.connection != connection) continue;
    if (subscription.phase == Phase::kSubscribing) open.push_back(filter);
    // The subscriptions of a persistent session stay in force, unless the next CONNACK says that
    // there is no session.
    const bool lost = settings_.clean_session || subscription.phase == Phase::kSubscribing;
    if (lost) subscription.phase = Phase::kWaiting;
  }
  on.left = on.left || end == core::ConnectionEnd::kClosedOnRequest;
  if (std::exchange(on.left, false)) {
    on.suspicion.closed_by_broker(open);
  } else {
    on.suspicion.not_connected();
  }
  // A renewal connects again at once; if that fails, the failed attempt is reported.
  if (end != core::ConnectionEnd::kRenewal) report();
  return take();
}

void SubscriptionState::subscribe_waiting(std::size_t connection) {
  Connection& on = connections_[connection];
  if (!on.up || closed_) return;
  const auto is_here = [&](const Map::value_type& item) {
    return item.second.connection == connection;
  };
  on.suspicion.keep_if([&](const core::TopicFilter& filter) {
    const auto it = subscriptions_.find(filter);
    return it != subscriptions_.end() && is_here(*it) && it->second.phase != Phase::kInForce;
  });
  const auto may_go = [&](const Map::value_type& item) {
    return is_here(item) && item.second.phase == Phase::kWaiting && item.second.retry == 0 &&
           !(item.second.closes && item.second.streams == 0);
  };
  for (auto& item : subscriptions_) {
    if (may_go(item) && !on.suspicion.suspects(item.first)) subscribe(item);
  }
  auto open = static_cast<std::size_t>(std::count_if(
      subscriptions_.begin(), subscriptions_.end(),
      [&](const auto& item) { return is_here(item) && item.second.phase == Phase::kSubscribing; }));
  for (auto& item : subscriptions_) {
    if (!may_go(item)) continue;
    if (open >= on.suspicion.window(item.first, subscriptions_.size())) return;
    subscribe(item);
    ++open;
  }
}

void SubscriptionState::subscribe(Map::value_type& item) {
  auto& [filter, subscription] = item;
  cancel_retry(subscription);
  subscription.phase = Phase::kSubscribing;
  subscription.generation = ++last_number_;
  Connection& on = connections_[subscription.connection];
  on.suspicion.sent();
  // An earlier process may have had the filter on another one of our connections, whose session
  // would go on receiving its messages.
  for (std::size_t other = 0; other < connections_.size(); ++other) {
    const bool may_have_it = connections_[other].up && connections_[other].resumed;
    if (other != subscription.connection && may_have_it) {
      act(action::UnsubscribeStray{other, filter});
    }
  }
  core::SubscribeOptions options = subscription.request.options;
  constexpr int kOnlyIfNew = 1;  // MQTT 5, section 3.8.3.1
  if (subscription.renewed && options.retain_handling == 0) options.retain_handling = kOnlyIfNew;
  on.at_endpoints[on.endpoint].insert(filter);
  act(action::Subscribe{subscription.connection, filter, options, subscription.generation});
  start_timer(kAnswerTimeout, timer::SubscribeLate{filter, subscription.generation});
}

void SubscriptionState::subscribe_late(const timer::SubscribeLate& late) {
  const auto it = subscriptions_.find(late.filter);
  if (it == subscriptions_.end() || it->second.generation != late.generation || closed_ ||
      it->second.phase != Phase::kSubscribing) {
    return;
  }
  act(action::Bump{&core::Counters::subscribe_acks_missing});
  it->second.refusal = core::MissingAnswer{"SUBACK", late.filter.str(), kAnswerTimeout}.status();
  leave(it->second.connection, "SUBACK", late.filter);
}

void SubscriptionState::leave(std::size_t connection, const char* packet,
                              const core::TopicFilter& filter) {
  missing_ = core::MissingAnswer{packet, filter.str(), kAnswerTimeout};
  const base::Status cause = missing_->status();
  report();
  Connection& on = connections_[connection];
  if (!on.up || std::exchange(on.left, true)) return;
  act(action::Reconnect{connection, cause});
}

SubscriptionActions SubscriptionState::subscribe_answered(const core::TopicFilter& filter,
                                                          std::uint64_t generation,
                                                          const base::Result<core::QoS>& granted,
                                                          base::TimePoint now) {
  const auto it = subscriptions_.find(filter);
  if (it == subscriptions_.end() || it->second.generation != generation || closed_) return {};
  Subscription& subscription = it->second;
  const base::ErrorKind kind = granted.status().kind();
  // The connection broke first: disconnected() comes next, and the next connection subscribes
  // again.
  if (kind == base::ErrorKind::kUnavailable || kind == base::ErrorKind::kCancelled) return {};
  connections_[subscription.connection].suspicion.answered(filter);
  if (!granted.ok()) {
    refuse(*it, granted.status(), now);
    subscribe_waiting(subscription.connection);
    return take();
  }
  subscription.phase = Phase::kInForce;
  subscription.renewed = false;
  subscription.backoff = base::Backoff(kRetryFirst, kRetryMost, settings_.seed + generation);
  subscription.closes = false;
  if (!subscription.refusal.ok()) {
    act(action::Log{Level::kInfo, of(filter) + ": the broker accepts it now"});
    subscription.refusal = {};
    subscription.repeats.reset();
  }
  if (granted.value() < subscription.request.options.qos) {
    act(action::Log{Level::kWarning,
                    of(filter) + ": the broker grants qos " +
                        std::to_string(core::to_int(granted.value())) + " only, not " +
                        std::to_string(core::to_int(subscription.request.options.qos))});
  }
  settle(subscription);
  subscribe_waiting(subscription.connection);
  report();
  act(action::ReportGranted{filter, connections_[subscription.connection].endpoint});
  return take();
}

void SubscriptionState::closed_on(std::size_t connection, const core::TopicFilter& filter,
                                  base::TimePoint now) {
  const auto it = subscriptions_.find(filter);
  if (it == subscriptions_.end()) return;
  if (!std::exchange(it->second.closes, true)) {
    it->second.backoff =
        base::Backoff(kRetryClosedFirst, kRetryClosedMost, settings_.seed + ++last_number_);
  }
  refuse(*it,
         base::failed_precondition(
             "the broker closed the connection twice on this subscription, or did not answer it, "
             "the second time with nothing else sent (" +
             connections_[connection].last_cause.message() +
             "): check the broker's access control list for this filter, and whether the broker "
             "accepts its form (levels, wildcards, $share)"),
         now);
}

void SubscriptionState::refuse(Map::value_type& item, const base::Status& why,
                               base::TimePoint now) {
  auto& [filter, subscription] = item;
  subscription.phase = Phase::kWaiting;
  subscription.renewed = false;
  act(action::Bump{&core::Counters::subscribe_refused});
  const base::Duration delay = subscription.backoff.next();
  const auto line = subscription.repeats.pass(
      why.message(),
      of(filter) + ": subscription refused: " + why.message() +
          "; the stream stays open, next try in " +
          std::to_string(std::chrono::duration_cast<seconds>(delay).count() + 1) + " s",
      now);
  if (line) act(action::Log{Level::kError, *line});
  subscription.refusal = why;
  subscription.retry = ++last_number_;
  start_timer(delay, timer::Retry{filter, subscription.retry});
  settle(subscription);
  report();
}

void SubscriptionState::retry(const timer::Retry& retry) {
  const auto it = subscriptions_.find(retry.filter);
  if (it == subscriptions_.end() || it->second.retry != retry.number) return;
  it->second.retry = 0;
  if (it->second.closes) connections_[it->second.connection].suspicion.suspect(retry.filter);
  subscribe_waiting(it->second.connection);
}

SubscriptionActions SubscriptionState::due(const SubscriptionTimer& timer) {
  std::visit(base::Overloaded{
                 [this](const timer::GraceOver&) { end_left_over(); },
                 [this](const timer::Retry& due) { retry(due); },
                 [this](const timer::SubscribeLate& late) { subscribe_late(late); },
                 [this](const timer::UnsubscribeLate& late) { unsubscribe_late(late); },
             },
             timer);
  return take();
}

void SubscriptionState::report() {
  if (missing_) {
    const bool waits = std::any_of(subscriptions_.begin(), subscriptions_.end(), [this](auto& s) {
      return s.first.str() == missing_->name && s.second.streams > 0 && !s.second.refusal.ok();
    });
    if (!waits) missing_.reset();
  }
  act(action::ReportHealth{health(), missing_});
}

SubscriptionState::Totals SubscriptionState::totals() const {
  const auto count = [](const auto& range, const auto& counts) {
    return static_cast<std::size_t>(std::count_if(range.begin(), range.end(), counts));
  };
  return {connections_.size(), count(connections_, [](const Connection& c) { return c.up; }),
          subscriptions_.size(), count(subscriptions_, [this](const auto& item) {
            return item.second.phase == Phase::kInForce && connections_[item.second.connection].up;
          })};
}

base::Status SubscriptionState::health() const {
  for (const Connection& connection : connections_) {
    if (!connection.up && !suspended_) {
      return connection.last_cause.with_context("not connected for receiving");
    }
  }
  for (const auto& [filter, subscription] : subscriptions_) {
    if (!subscription.refusal.ok() && subscription.streams > 0) {
      return subscription.refusal.with_context(of(filter));
    }
  }
  return {};
}

}  // namespace dapr_mqtt::subscribe
