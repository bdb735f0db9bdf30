#include "dapr_mqtt/subscribe/subscriptions.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "dapr_mqtt/base/repeat_filter.h"
#include "subscribe/subscription_state.h"

namespace dapr_mqtt::subscribe {
namespace {

/// The delay before the next attempt to make a consumer.
constexpr std::chrono::seconds kMakeAgain{2};

SubscriptionState::Settings state_settings(const Subscriptions::Settings& settings) {
  SubscriptionState::Settings out{settings.clean_session, settings.seed, std::nullopt};
  if (settings.session != nullptr) out.grace = settings.grace;
  return out;
}

std::vector<core::SessionSubscription> left_in(const core::SessionStore* session) {
  return session != nullptr ? session->subscriptions() : std::vector<core::SessionSubscription>{};
}

}  // namespace

/// Carries out the state's actions, and reports the results to the state.
class Subscriptions::Actions {
 public:
  Actions(base::Executor& executor, SubscriptionHost& host, core::SessionStore* session,
          core::Counters& counters, base::Log log, SubscriptionState& state)
      : executor_(executor),
        host_(host),
        session_(session),
        counters_(counters),
        log_(std::move(log)),
        state_(state) {}

  /// May be called from within an action (by a host that calls back): its actions then come after
  /// those that wait already.
  void run(SubscriptionActions actions) {
    for (SubscriptionAction& action : actions) waiting_.push_back(std::move(action));
    if (std::exchange(running_, true)) return;
    while (!waiting_.empty()) {
      const SubscriptionAction action = std::move(waiting_.front());
      waiting_.pop_front();
      std::visit([this](const auto& what) { act(what); }, action);
    }
    running_ = false;
    show_totals();
  }

  void suspend(bool on) {
    suspended_ = on;
    for (const auto& connection : connections_) {
      on ? connection->consumer->suspend() : connection->consumer->resume();
    }
    show_totals();
  }
  void close(std::function<void()> closed) {
    closing_ = true;
    // One count for each connection, and one for this call itself.
    const auto open = std::make_shared<std::size_t>(connections_.size() + 1);
    const auto one_less = [open, closed = std::move(closed)] {
      if (--*open == 0) closed();
    };
    for (const auto& connection : connections_) {
      connection->consumer->close([this, one_less] { executor_.post(one_less); });
    }
    one_less();
  }

 private:
  /// One consumer; turns its calls into tasks on the executor.
  class Connection final : public core::ConnectionListener {
   public:
    Connection(Actions& owner, std::size_t index) : owner_(owner), index_(index) {}
    ~Connection() override { consumer.reset(); }  // may still call its listener

    void on_connected(const core::SessionFound& session) override {
      owner_.executor_.post([this, session] { owner_.connected(index_, session); });
    }
    void on_disconnected(const base::Status& cause, core::ConnectionEnd end) override {
      owner_.executor_.post([this, cause, end] { owner_.disconnected(index_, cause, end); });
    }

    std::unique_ptr<core::BrokerConsumer> consumer;

   private:
    Actions& owner_;
    const std::size_t index_;
  };

  void connected(std::size_t connection, const core::SessionFound& session) {
    core::bump(counters_.connections);
    run(state_.connected(connection, session, executor_.now()));
  }
  void disconnected(std::size_t connection, const base::Status& cause, core::ConnectionEnd end) {
    if (end == core::ConnectionEnd::kRenewal) {
      core::bump(counters_.credential_renewals);
    } else {
      core::connection_failed(counters_);
    }
    run(state_.disconnected(connection, cause, end));
  }

  void act(const action::OpenConsumers& action) {
    wanted_ = std::max(wanted_, action.count);
    if (!make_again_) open_consumers();
  }
  void open_consumers() {
    while (connections_.size() < wanted_ && !closing_) {
      auto made = std::make_unique<Connection>(*this, connections_.size());
      try {
        made->consumer = host_.make_consumer(connections_.size(), *made);
      } catch (const std::system_error& error) {  // no thread for it
        return open_later(base::resource_exhausted(
            std::string("the system has no thread for a connection: ") + error.what()));
      }
      if (suspended_) made->consumer->suspend();
      made->consumer->open();
      connections_.push_back(std::move(made));
    }
  }
  void open_later(const base::Status& cause) {
    const base::TimePoint now = executor_.now();
    if (const auto line = no_threads_.pass(
            cause.message(),
            cause.message() + "; next try in " + std::to_string(kMakeAgain.count()) + " s", now)) {
      log_.error(*line);
    }
    make_again_ = true;
    executor_.post_at(now + kMakeAgain, [this] {
      make_again_ = false;
      open_consumers();
    });
    run(state_.disconnected(connections_.size(), cause, core::ConnectionEnd::kOther));
  }
  void act(const action::Subscribe& action) {
    connections_[action.connection]->consumer->subscribe(
        action.filter, action.options, [this, action](const base::Result<core::QoS>& granted) {
          executor_.post([this, action, granted] {
            run(state_.subscribe_answered(action.filter, action.generation, granted,
                                          executor_.now()));
          });
        });
  }
  void act(const action::Unsubscribe& action) {
    connections_[action.connection]->consumer->unsubscribe(
        action.filter, [this, number = action.number](const base::Status& status) {
          executor_.post(
              [this, number, ok = status.ok()] { run(state_.unsubscribe_answered(number, ok)); });
        });
  }
  void act(const action::UnsubscribeStray& action) {
    connections_[action.connection]->consumer->unsubscribe(
        action.filter, [this, action](const base::Status& status) {
          if (!status.ok()) return;
          executor_.post(
              [this, action] { run(state_.stray_unsubscribed(action.connection, action.filter)); });
        });
  }
  void act(const action::Reconnect& action) {
    connections_[action.connection]->consumer->reconnect(action.cause);
  }
  void act(const action::StartTimer& action) {
    const auto* retry = std::get_if<timer::Retry>(&action.timer);
    const auto id = executor_.post_at(executor_.now() + action.after, [this, what = action.timer] {
      if (const auto* due = std::get_if<timer::Retry>(&what)) retries_.erase(due->number);
      run(state_.due(what));
    });
    if (retry != nullptr) retries_.emplace(retry->number, id);
  }
  void act(const action::CancelRetry& action) {
    const auto it = retries_.find(action.number);
    if (it == retries_.end()) return;
    executor_.cancel(it->second);
    retries_.erase(it);
  }
  void act(const action::ChangeRoutes&) { host_.routes_changed(state_.plan()); }
  void act(const action::ReportEnded& action) { host_.subscription_ended(action.filter); }
  void act(const action::ReportGraceOver&) { host_.grace_over(); }
  void act(const action::ReportGranted& action) { host_.granted(action.filter, action.endpoint); }
  void act(const action::ReportSessionLost&) { host_.session_lost(); }
  void act(const action::ReportHealth& action) {
    host_.answer_missing(action.missing);
    host_.health_changed(action.health);
  }
  void act(const action::Settle& action) {
    for (const auto& settled : action.settled) settled();
  }
  void act(const action::StoreSubscribed& action) {
    if (session_ != nullptr) session_->subscribed(action.connection, action.filter);
  }
  void act(const action::StoreUnsubscribed& action) {
    if (session_ != nullptr) session_->unsubscribed(action.connection, action.filter);
  }
  void act(const action::Bump& action) { core::bump(counters_.*action.counter); }
  void act(const action::Log& action) {
    switch (action.level) {
      case action::Log::Level::kInfo: return log_.info(action.line);
      case action::Log::Level::kWarning: return log_.warn(action.line);
      case action::Log::Level::kError: return log_.error(action.line);
    }
  }

  void show_totals() {
    const SubscriptionState::Totals totals = state_.totals();
    const auto show = [](core::Counters::Gauge& gauge, std::size_t value) {
      core::set(gauge, static_cast<std::int64_t>(value));
    };
    show(counters_.consumers, totals.connections);
    show(counters_.consumers_up, totals.connections_up);
    show(counters_.subscriptions, totals.subscriptions);
    show(counters_.subscriptions_in_force, totals.subscriptions_in_force);
  }

  base::Executor& executor_;
  SubscriptionHost& host_;
  core::SessionStore* const session_;
  core::Counters& counters_;
  const base::Log log_;
  SubscriptionState& state_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::size_t wanted_ =
      0;  // so many consumers; fewer exist while the system has no thread for them
  bool make_again_ = false;  // a timer is set for the missing consumers
  base::RepeatFilter no_threads_;
  std::map<std::uint64_t, base::Executor::TimerId> retries_;  // by the number of timer::Retry
  std::deque<SubscriptionAction> waiting_;
  bool running_ = false;
  bool suspended_ = false;
  bool closing_ = false;
};

Subscriptions::Subscriptions(base::Executor& executor, SubscriptionHost& host, Settings settings,
                             core::Counters& counters, base::Log log)
    : state_(
          std::make_unique<SubscriptionState>(state_settings(settings), left_in(settings.session))),
      actions_(std::make_unique<Actions>(executor, host, settings.session, counters, std::move(log),
                                         *state_)) {}

Subscriptions::~Subscriptions() = default;

void Subscriptions::add(const core::TopicFilter& filter, const SubscriptionRequest& request,
                        Settled settled) {
  actions_->run(state_->add(filter, request, std::move(settled)));
}

void Subscriptions::remove(const core::TopicFilter& filter) {
  actions_->run(state_->remove(filter));
}

void Subscriptions::suspend() {
  if (state_->suspend(true)) actions_->suspend(true);
}

void Subscriptions::resume() {
  if (state_->suspend(false)) actions_->suspend(false);
}

void Subscriptions::close(std::function<void()> closed) {
  actions_->run(state_->close());
  actions_->close(std::move(closed));
}

}  // namespace dapr_mqtt::subscribe
