// A thousand instances whose broker goes away and comes back, in virtual time.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <vector>

#include "dapr_mqtt/mqtt/paho_client_factory.h"
#include "mqtt/connection_state.h"
#include "support/manual_executor.h"

namespace dapr_mqtt::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::size_t kInstances = 1000;
/// ConnectionOptions::connect_timeout's default.
constexpr seconds kConnectTimeout{4};
constexpr milliseconds kBin{100};

/// How attempts fail while the broker is away.
enum class Away { kRefused, kSilent };

/// One broker; only its clients' connection attempts are simulated.
struct HerdBroker {
  Away away = Away::kRefused;
  bool there = true;
  std::map<std::int64_t, std::size_t> accepted;  ///< connections by bin
};

class Client {
 public:
  Client(testing::ManualExecutor& executor, HerdBroker& broker, std::uint64_t seed)
      : executor_(executor),
        broker_(broker),
        state_{.backoff = base::Backoff(mqtt::PahoClientOptions().backoff_initial,
                                        mqtt::PahoClientOptions().backoff_max, seed,
                                        base::Backoff::Jitter::kFull)} {}

  void handle(const mqtt::ConnectionEvent& event) {
    auto next = mqtt::step(std::move(state_), event, executor_.now());
    state_ = std::move(next.state);
    for (const auto& action : next.actions) act(action);
  }
  bool connected() const { return state_.phase == mqtt::ConnectionState::Phase::kConnected; }

 private:
  void act(const mqtt::ConnectionAction& action) {
    if (std::holds_alternative<mqtt::action::StartAttempt>(action)) return attempt();
    if (const auto* arm = std::get_if<mqtt::action::ArmRetry>(&action)) {
      executor_.post_at(executor_.now() + arm->delay, [this] { handle(mqtt::event::RetryDue{}); });
    }
  }
  void attempt() {
    if (broker_.there) {
      ++broker_.accepted[executor_.now().time_since_epoch() / kBin];
      executor_.post([this] { handle(mqtt::event::Connected{}); });
      return;
    }
    const base::Duration takes = broker_.away == Away::kSilent ? kConnectTimeout : milliseconds(1);
    executor_.post_at(executor_.now() + takes,
                      [this] { handle(mqtt::event::AttemptFailed{base::unavailable("away")}); });
  }

  testing::ManualExecutor& executor_;
  HerdBroker& broker_;
  mqtt::ConnectionState state_;
};

struct Outage {
  base::Duration away;
  Away how;
  core::ConnectionEnd end;
};

class Herd : public ::testing::TestWithParam<Outage> {};

INSTANTIATE_TEST_SUITE_P(
    Outages, Herd,
    ::testing::Values(Outage{milliseconds(0), Away::kRefused, core::ConnectionEnd::kOther},
                      Outage{milliseconds(0), Away::kRefused,
                             core::ConnectionEnd::kClosedOnRequest},
                      Outage{seconds(1), Away::kRefused, core::ConnectionEnd::kClosedOnRequest},
                      Outage{seconds(1), Away::kSilent, core::ConnectionEnd::kOther},
                      Outage{seconds(40), Away::kRefused, core::ConnectionEnd::kOther},
                      Outage{seconds(40), Away::kSilent, core::ConnectionEnd::kOther},
                      Outage{minutes(10), Away::kRefused, core::ConnectionEnd::kOther},
                      Outage{minutes(10), Away::kSilent, core::ConnectionEnd::kClosedOnRequest}));

TEST_P(Herd, is_back_within_ten_seconds_and_spread_out) {
  testing::ManualExecutor executor;
  HerdBroker broker;
  broker.away = GetParam().how;
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 0; i < kInstances; ++i) {
    clients.push_back(std::make_unique<Client>(executor, broker, i + 1));
    clients.back()->handle(mqtt::event::Open{});
  }
  executor.advance(minutes(1));
  broker.accepted.clear();
  broker.there = false;
  for (auto& client : clients) {
    client->handle(mqtt::event::Lost{base::unavailable("closed"), GetParam().end});
  }
  executor.advance(GetParam().away);
  broker.there = true;
  const base::TimePoint returned = executor.now();
  const auto all_back = [&] {
    return std::all_of(clients.begin(), clients.end(),
                       [](const auto& c) { return c->connected(); });
  };
  while (!all_back() && executor.now() - returned < seconds(10)) executor.advance(kBin);
  EXPECT_TRUE(all_back());
  std::size_t most = 0;
  for (const auto& [bin, count] : broker.accepted) most = std::max(most, count);
  const double back = std::chrono::duration<double>(executor.now() - returned).count();
  std::printf("away %.0f s: all back after %.1f s, at most %zu of %zu in 100 ms\n",
              std::chrono::duration<double>(GetParam().away).count(), back, most, kInstances);
  // A quarter: those whose connection was closed on a request come back within 500 ms.
  EXPECT_LE(most, kInstances / 4);
  if (GetParam().away >= seconds(40)) {
    EXPECT_LE(most, kInstances / 12);
  }
}

}  // namespace
}  // namespace dapr_mqtt::simulation
