#include "mqtt/connection_state.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <string>

namespace dapr_mqtt::mqtt {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Phase = ConnectionState::Phase;
using std::chrono::milliseconds;
using std::chrono::seconds;

std::string name(const ConnectionAction& action) {
  static constexpr const char* kNames[] = {"attempt", "abandon", "disconnect", "drop",
                                           "arm",     "cancel",  "connected",  "disconnected",
                                           "closed",  "renew"};
  return kNames[action.index()];
}

/// Sends events, advances the time, and keeps the actions of the last event.
class Machine {
 public:
  std::vector<std::string> on(const ConnectionEvent& event) {
    auto next = step(std::move(state), event, now);
    state = std::move(next.state);
    actions = std::move(next.actions);
    std::vector<std::string> names;
    for (const auto& action : actions) names.push_back(name(action));
    return names;
  }
  template <typename Action>
  Action last() const {
    for (const auto& action : actions) {
      if (const auto* found = std::get_if<Action>(&action)) return *found;
    }
    ADD_FAILURE() << "no such action";
    return {};
  }
  /// Connects, waits `lifetime`, loses the connection.
  action::ReportDisconnected live_for(base::Duration lifetime,
                                      core::ConnectionEnd end = core::ConnectionEnd::kClosed) {
    on(event::Connected{});
    now += lifetime;
    on(event::Lost{base::unavailable("gone"), end});
    const auto told = last<action::ReportDisconnected>();
    on(event::RetryDue{});
    return told;
  }

  ConnectionState state{.backoff = base::Backoff(seconds(1), seconds(30), 7)};
  base::TimePoint now{std::chrono::hours(1)};
  std::vector<ConnectionAction> actions;
};

TEST(ConnectionState, Attempt_begins_when_opened_and_once_only) {
  Machine machine;
  EXPECT_THAT(machine.on(event::Open{}), ElementsAre("attempt"));
  EXPECT_THAT(machine.on(event::Open{}), IsEmpty());
}

TEST(ConnectionState, Session_present_is_passed_on_when_connected) {
  Machine machine;
  machine.on(event::Open{});
  EXPECT_THAT(machine.on(event::Connected{{.present = true}}), ElementsAre("connected"));
  EXPECT_TRUE(machine.last<action::ReportConnected>().session.present);
}

TEST(ConnectionState, Retry_is_armed_and_the_cause_told_when_an_attempt_fails) {
  Machine machine;
  machine.on(event::Open{});
  EXPECT_THAT(machine.on(event::AttemptFailed{base::unavailable("refused")}),
              ElementsAre("arm", "disconnected"));
  EXPECT_EQ(machine.last<action::ReportDisconnected>().cause.message(), "refused");
  EXPECT_EQ(machine.last<action::ReportDisconnected>().retry_in,
            machine.last<action::ArmRetry>().delay);
  EXPECT_THAT(machine.on(event::RetryDue{}), ElementsAre("attempt"));
}

TEST(ConnectionState, Delay_grows_to_its_maximum_while_attempts_fail) {
  Machine machine;
  machine.on(event::Open{});
  base::Duration delay{};
  for (int i = 0; i < 12; ++i) {
    machine.on(event::AttemptFailed{base::unavailable("refused")});
    delay = machine.last<action::ArmRetry>().delay;
    EXPECT_LE(delay, seconds(1) * (1 << std::min(i, 5)));
    machine.on(event::RetryDue{});
  }
  EXPECT_GE(delay, seconds(15));
  EXPECT_LE(delay, seconds(30));
}

TEST(ConnectionState, Delay_starts_over_after_a_connection_that_lasted) {
  Machine machine;
  machine.on(event::Open{});
  for (int i = 0; i < 8; ++i) {
    machine.on(event::AttemptFailed{base::unavailable("refused")});
    machine.on(event::RetryDue{});
  }
  EXPECT_LE(machine.live_for(kGoodConnection).retry_in, seconds(1));
}

TEST(ConnectionState, Take_over_is_suspected_after_several_short_connections_in_a_row) {
  Machine machine;
  machine.on(event::Open{});
  EXPECT_EQ(machine.live_for(milliseconds(5)).short_lived, 0);
  EXPECT_EQ(machine.live_for(milliseconds(5)).short_lived, 0);
  EXPECT_EQ(machine.live_for(milliseconds(5)).short_lived, 3);
  EXPECT_EQ(machine.live_for(milliseconds(5)).short_lived, 4);
  EXPECT_EQ(machine.live_for(kGoodConnection).short_lived, 0);
  EXPECT_EQ(machine.live_for(milliseconds(5)).short_lived, 0);
}

TEST(ConnectionState, Take_over_is_not_suspected_when_the_network_or_we_end_connections) {
  Machine machine;
  machine.on(event::Open{});
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(machine.live_for(milliseconds(5), core::ConnectionEnd::kOther).short_lived, 0);
  }
}

TEST(ConnectionState, Next_attempt_comes_soon_after_the_broker_closed_on_a_request) {
  Machine machine;
  machine.on(event::Open{});
  for (int i = 0; i < 20; ++i) {
    machine.on(event::Connected{});
    machine.now += milliseconds(5);
    machine.on(event::Lost{base::unavailable("closed"), core::ConnectionEnd::kClosedOnRequest});
    const auto told = machine.last<action::ReportDisconnected>();
    EXPECT_LE(told.retry_in, kRetryAfterRequest);
    EXPECT_EQ(told.retry_in, machine.last<action::ArmRetry>().delay);
    EXPECT_EQ(told.end, core::ConnectionEnd::kClosedOnRequest);
    EXPECT_EQ(told.short_lived, 0) << "no other client is suspected";
    machine.on(event::RetryDue{});
  }
  EXPECT_LE(machine.live_for(milliseconds(5)).retry_in, seconds(1)) << "back-off has not grown";
}

TEST(ConnectionState, What_is_under_way_ends_when_closed) {
  {
    Machine idle;
    EXPECT_THAT(idle.on(event::Close{}), ElementsAre("closed"));
    EXPECT_THAT(idle.on(event::Open{}), IsEmpty());
  }
  Machine machine;
  machine.on(event::Open{});
  EXPECT_THAT(machine.on(event::Close{}), ElementsAre("abandon", "closed"));
  EXPECT_THAT(machine.on(event::Close{}), ElementsAre("closed"));
  Machine connected;
  connected.on(event::Open{});
  connected.on(event::Connected{});
  EXPECT_THAT(connected.on(event::Close{}), ElementsAre("disconnect", "closed"));
  Machine waiting;
  waiting.on(event::Open{});
  waiting.on(event::AttemptFailed{base::unavailable("refused")});
  EXPECT_THAT(waiting.on(event::Close{}), ElementsAre("cancel", "closed"));
}

TEST(ConnectionState, Late_events_change_nothing_after_close) {
  Machine machine;
  machine.on(event::Open{});
  machine.on(event::Close{});
  EXPECT_THAT(machine.on(event::Connected{}), IsEmpty());
  EXPECT_THAT(machine.on(event::AttemptFailed{base::unavailable("x")}), IsEmpty());
  EXPECT_THAT(machine.on(event::Lost{base::unavailable("x")}), IsEmpty());
  EXPECT_THAT(machine.on(event::RetryDue{}), IsEmpty());
  EXPECT_THAT(machine.on(event::Suspend{}), IsEmpty());
  EXPECT_THAT(machine.on(event::Resume{}), IsEmpty());
}

TEST(ConnectionState, Suspend_ends_the_connection_and_resume_begins_anew) {
  Machine machine;
  machine.on(event::Open{});
  machine.on(event::Connected{});
  EXPECT_THAT(machine.on(event::Suspend{}), ElementsAre("disconnect"));
  EXPECT_THAT(machine.on(event::Suspend{}), IsEmpty());
  EXPECT_THAT(machine.on(event::Lost{base::unavailable("x")}), IsEmpty());
  EXPECT_THAT(machine.on(event::Resume{}), ElementsAre("attempt"));
  EXPECT_THAT(machine.on(event::Resume{}), IsEmpty());
}

TEST(ConnectionState, Suspend_before_open_keeps_it_from_connecting) {
  Machine machine;
  EXPECT_THAT(machine.on(event::Suspend{}), IsEmpty());
  EXPECT_THAT(machine.on(event::Open{}), IsEmpty());
  EXPECT_THAT(machine.on(event::Resume{}), ElementsAre("attempt"));
}

TEST(ConnectionState, Suspend_cancels_attempt_and_retry) {
  Machine machine;
  machine.on(event::Open{});
  EXPECT_THAT(machine.on(event::Suspend{}), ElementsAre("abandon"));
  machine.on(event::Resume{});
  machine.on(event::AttemptFailed{base::unavailable("x")});
  EXPECT_THAT(machine.on(event::Suspend{}), ElementsAre("cancel"));
  EXPECT_THAT(machine.on(event::RetryDue{}), IsEmpty());
}

}  // namespace
}  // namespace dapr_mqtt::mqtt
