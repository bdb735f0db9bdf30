// Subscriptions with consumers that answer when the test says so, in virtual time.
#pragma once

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "dapr_mqtt/subscribe/subscriptions.h"
#include "support/captured_log.h"
#include "support/fake_broker.h"
#include "support/fake_session.h"
#include "support/manual_executor.h"
#include "unit/subscribe/filter.h"

namespace dapr_mqtt::subscribe {

using std::chrono::seconds;

class SubscriptionsTest : public ::testing::Test, public SubscriptionHost {
 protected:
  std::unique_ptr<core::BrokerConsumer> make_consumer(std::size_t index,
                                                      core::ConnectionListener& listener) override {
    if (!has_threads)
      throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
    auto made = std::make_unique<dapr_mqtt::testing::FakeConsumer>();
    EXPECT_EQ(index, consumers.size());
    made->hold_unsubscribes = consumers_hold_unsubscribes;
    consumers.push_back(made.get());
    listeners.push_back(&listener);
    return made;
  }
  void routes_changed(const ConnectionPlan& plan) override {
    first_route_count = plan.connections() == 0 ? 0 : plan.filters(0).size();
  }
  void subscription_ended(const core::TopicFilter& f) override { ended.push_back(f.str()); }
  void grace_over() override { ++graces; }
  void session_lost() override { ++lost_sessions; }
  void health_changed(const base::Status& now) override { health = now; }
  void answer_missing(const std::optional<core::MissingAnswer>& answer) override {
    missing = answer;
  }

  Subscriptions& make(bool clean_session) {
    subscriptions = std::make_unique<Subscriptions>(
        executor, *this, Subscriptions::Settings{clean_session, 1, nullptr, kGrace}, counters,
        base::Log(log, "c"));
    return *subscriptions;
  }
  /// Subscriptions of a persistent session in which an earlier process has left these.
  void make_resumed(const std::vector<std::pair<std::size_t, std::string>>& left) {
    for (const auto& [connection, text] : left) session.subscribed(connection, filter(text));
    subscriptions = std::make_unique<Subscriptions>(
        executor, *this, Subscriptions::Settings{false, 1, &session, kGrace}, counters,
        base::Log(log, "c"));
  }
  void add(const std::string& text, SubscriptionRequest request = {}) {
    subscriptions->add(filter(text), request, [this] { ++settled; });
    executor.run();
  }
  void connect(std::size_t index, bool session_present = false) {
    listeners[index]->on_connected({session_present});
    executor.run();
  }
  void connect_to(std::size_t endpoint, core::SessionFound found) {
    found.endpoint = endpoint;
    listeners[0]->on_connected(found);
    executor.run();
  }
  void disconnect(std::size_t index, core::ConnectionEnd end = core::ConnectionEnd::kOther) {
    listeners[index]->on_disconnected(base::unavailable("gone"), end);
    executor.run();
  }
  void grant(std::size_t index = 0) {
    consumers[index]->grant();
    executor.run();
  }

  static constexpr seconds kGrace{60};

  dapr_mqtt::testing::ManualExecutor executor;
  dapr_mqtt::testing::CapturedLog log;
  dapr_mqtt::testing::FakeSession session;
  int graces = 0;
  core::Counters counters;
  std::vector<dapr_mqtt::testing::FakeConsumer*> consumers;
  std::vector<core::ConnectionListener*> listeners;
  std::vector<std::string> ended;
  std::size_t first_route_count = 0;
  int settled = 0;
  int lost_sessions = 0;
  bool consumers_hold_unsubscribes = false;
  bool has_threads = true;
  base::Status health;
  std::optional<core::MissingAnswer> missing;
  std::unique_ptr<Subscriptions> subscriptions;
};

}  // namespace dapr_mqtt::subscribe
