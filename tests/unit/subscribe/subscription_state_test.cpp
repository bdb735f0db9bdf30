// SubscriptionState without broker and executor: events in random order.
#include "subscribe/subscription_state.h"

#include <gmock/gmock.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "dapr_mqtt/base/overloaded.h"
#include "unit/subscribe/filter.h"

namespace dapr_mqtt::subscribe {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

const base::TimePoint kNow{std::chrono::hours(1)};

template <typename Action>
std::vector<Action> of(const SubscriptionActions& actions) {
  std::vector<Action> out;
  for (const auto& action : actions) {
    if (const auto* wanted = std::get_if<Action>(&action)) out.push_back(*wanted);
  }
  return out;
}

TEST(SubscriptionState, Ignores_an_answer_and_a_deadline_of_an_older_subscribe) {
  SubscriptionState state({.clean_session = true, .seed = 1}, {});
  state.add(filter("a"), {}, [] {});
  const auto first = of<action::Subscribe>(state.connected(0, {}, kNow));
  ASSERT_THAT(first, SizeIs(1));
  state.disconnected(0, base::unavailable("gone"), core::ConnectionEnd::kOther);
  const auto second = of<action::Subscribe>(state.connected(0, {}, kNow));
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_THAT(state.subscribe_answered(filter("a"), first[0].generation,
                                       base::permission_denied("late"), kNow),
              IsEmpty());
  EXPECT_THAT(state.due(timer::SubscribeLate{filter("a"), first[0].generation}), IsEmpty());
  state.subscribe_answered(filter("a"), second[0].generation, core::QoS::kAtLeastOnce, kNow);
  EXPECT_EQ(state.totals().subscriptions_in_force, 1U);
}

TEST(SubscriptionState, Ignores_a_retry_that_was_cancelled) {
  SubscriptionState state({.clean_session = true, .seed = 1}, {});
  state.add(filter("a"), {}, [] {});
  const auto sent = of<action::Subscribe>(state.connected(0, {}, kNow));
  ASSERT_THAT(sent, SizeIs(1));
  const auto refused = state.subscribe_answered(filter("a"), sent[0].generation,
                                                base::permission_denied("no"), kNow);
  const auto timers = of<action::StartTimer>(refused);
  ASSERT_THAT(timers, SizeIs(1));
  const auto again = state.add(filter("a"), {}, [] {});  // a new stream does not wait for it
  EXPECT_THAT(of<action::CancelRetry>(again), SizeIs(1));
  EXPECT_THAT(of<action::Subscribe>(again), SizeIs(1));
  EXPECT_THAT(state.due(timers[0].timer), IsEmpty());
}

/// Plays the streams, the broker and the clock, and checks each action.
class RandomWorld {
 public:
  RandomWorld(unsigned seed, bool clean_session)
      : random_(seed), state_({clean_session, seed, std::chrono::minutes(5)}, {}) {}

  void step() {
    switch (pick(9)) {
      case 0:
      case 1: return add();
      case 2: return remove();
      case 3: return connect();
      case 4: return disconnect();
      case 5: return answer(pick(4) != 0);
      case 6: return answer_unsubscribe();
      case 7: return suspend(!suspended_);
      default: return run_timer();
    }
  }
  /// Everything is connected, and the broker takes all.
  void heal() {
    suspend(false);
    for (int round = 0; round < 20; ++round) {
      for (std::size_t i = 0; i < up_.size(); ++i) {
        if (!up_[i]) connect(i);
      }
      while (!subscribing_.empty()) answer(true);
      while (!unsubscribing_.empty()) answer_unsubscribe();
      while (!retries_.empty()) run_timer();
    }
  }
  /// A further stream of any filter need not wait.
  void expect_all_in_force() {
    EXPECT_EQ(state_.totals().connections_up, state_.totals().connections);
    for (const auto& [name, streams] : streams_) {
      if (streams == 0) continue;
      const auto actions = state_.add(filter(name), {}, [] {});
      EXPECT_THAT(of<action::Settle>(actions), SizeIs(1)) << name;
      EXPECT_THAT(of<action::Subscribe>(actions), IsEmpty()) << name;
    }
  }
  void close() {
    run(state_.close());
    EXPECT_EQ(settled_, added_) << "each stream's callback runs once";
  }

 private:
  std::size_t pick(std::size_t below) { return random_() % below; }

  void add() {
    static const std::vector<std::string> kNames{"a", "a/b", "a/#", "+/b", "#", "c", "d/+", "d/e"};
    const std::string& name = kNames[pick(kNames.size())];
    ++streams_[name];
    ++added_;
    run(state_.add(filter(name), {.options = {}, .unsubscribe_on_close = pick(2) == 0},
                   [this, called = std::make_shared<bool>(false)] {
                     EXPECT_FALSE(std::exchange(*called, true));
                     ++settled_;
                   }));
  }
  void remove() {
    for (auto& [name, streams] : streams_) {
      if (streams == 0 || pick(2) == 0) continue;
      --streams;
      return run(state_.remove(filter(name)));
    }
  }
  void connect() {
    if (!up_.empty()) connect(pick(up_.size()));
  }
  void connect(std::size_t connection) {
    if (up_[connection]) return;
    up_[connection] = !suspended_;  // the report may come just after suspend()
    run(state_.connected(connection, {.present = pick(2) == 0, .as_left = pick(2) == 0}, kNow));
  }
  void disconnect() {
    if (up_.empty()) return;
    const std::size_t connection = pick(up_.size());
    if (!up_[connection]) return;
    lose(connection,
         pick(2) == 0 ? core::ConnectionEnd::kClosedOnRequest : core::ConnectionEnd::kOther);
  }
  void lose(std::size_t connection, core::ConnectionEnd end) {
    up_[connection] = false;
    std::erase_if(subscribing_, [&](const auto& s) { return s.second.connection == connection; });
    std::erase_if(unsubscribing_, [&](const auto& u) {
      if (u.connection != connection) return false;
      failed_unsubscribes_.push_back(u.number);
      return true;
    });
    run(state_.disconnected(connection, base::unavailable("gone"), end));
    for (const std::uint64_t number : std::exchange(failed_unsubscribes_, {})) {
      run(state_.unsubscribe_answered(number, false));
    }
  }
  void suspend(bool on) {
    suspended_ = on;
    state_.suspend(on);
    if (!on) return;
    up_.assign(up_.size(), false);
    subscribing_.clear();
    for (const auto& sent : std::exchange(unsubscribing_, {})) {
      run(state_.unsubscribe_answered(sent.number, false));
    }
  }
  void answer(bool granted) {
    if (subscribing_.empty()) return;
    const auto at = std::next(subscribing_.begin(), static_cast<long>(pick(subscribing_.size())));
    const action::Subscribe sent = at->second;
    subscribing_.erase(at);
    base::Result<core::QoS> result = core::QoS::kAtLeastOnce;
    if (!granted) result = base::permission_denied("no");
    run(state_.subscribe_answered(sent.filter, sent.generation, result, kNow));
  }
  void answer_unsubscribe() {
    if (unsubscribing_.empty()) return;
    const auto sent = unsubscribing_.front();
    unsubscribing_.erase(unsubscribing_.begin());
    run(state_.unsubscribe_answered(sent.number, true));
  }
  void run_timer() {
    if (retries_.empty()) return;
    const auto due = retries_.begin()->second;
    retries_.erase(retries_.begin());
    run(state_.due(due));
  }

  void run(const SubscriptionActions& actions) {
    for (const auto& action : actions) {
      std::visit(base::Overloaded{
                     [&](const action::OpenConsumers& open) { up_.resize(open.count); },
                     [&](const action::Subscribe& sent) {
                       ASSERT_LT(sent.connection, up_.size());
                       EXPECT_TRUE(up_[sent.connection]);
                       EXPECT_TRUE(subscribing_.emplace(sent.filter, sent).second)
                           << sent.filter.str() << " is asked for already";
                     },
                     [&](const action::Unsubscribe& sent) {
                       EXPECT_TRUE(up_[sent.connection]);
                       unsubscribing_.push_back(sent);
                       subscribing_.erase(sent.filter);  // its answer is no longer used
                     },
                     [&](const action::UnsubscribeStray& sent) {
                       EXPECT_TRUE(up_[sent.connection]);
                       run(state_.stray_unsubscribed(sent.connection, sent.filter));
                     },
                     [&](const action::Reconnect& left) {
                       lose(left.connection, core::ConnectionEnd::kOther);
                     },
                     [&](const action::StartTimer& start) {
                       if (const auto* retry = std::get_if<timer::Retry>(&start.timer)) {
                         EXPECT_TRUE(retries_.emplace(retry->number, *retry).second);
                       }
                     },
                     [&](const action::CancelRetry& cancel) {
                       EXPECT_EQ(retries_.erase(cancel.number), 1U);
                     },
                     [&](const action::Settle& settle) {
                       for (const auto& settled : settle.settled) settled();
                     },
                     [](const auto&) {},
                 },
                 action);
    }
  }

  std::mt19937 random_;
  SubscriptionState state_;
  std::map<std::string, int> streams_;
  std::vector<bool> up_;
  bool suspended_ = false;
  std::map<core::TopicFilter, action::Subscribe> subscribing_;
  std::vector<action::Unsubscribe> unsubscribing_;
  std::vector<std::uint64_t> failed_unsubscribes_;
  std::map<std::uint64_t, timer::Retry> retries_;
  int added_ = 0;
  int settled_ = 0;
};

TEST(SubscriptionState, Has_all_in_force_in_the_end_whatever_came_before) {
  for (unsigned seed = 0; seed < 400 && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomWorld world(seed, seed % 2 == 0);
    for (int i = 0; i < 200; ++i) world.step();
    world.heal();
    world.expect_all_in_force();
    world.close();
  }
}

}  // namespace
}  // namespace dapr_mqtt::subscribe
