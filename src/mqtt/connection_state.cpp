#include "mqtt/connection_state.h"

#include <utility>

namespace dapr_mqtt::mqtt {
namespace {

using Phase = ConnectionState::Phase;

/// Handles one event. It has a function for each kind, so that the compiler reports a missing one.
class Stepper {
 public:
  Stepper(ConnectionState state, base::TimePoint now) : now_(now), result_{state, {}} {}

  void operator()(const event::Open&) {
    if (state().phase != Phase::kIdle) return;
    if (state().suspend_requested) {
      state().phase = Phase::kSuspended;
    } else {
      attempt();
    }
  }

  void operator()(const event::Connected& event) {
    if (state().phase != Phase::kConnecting) return;
    state().phase = Phase::kConnected;
    state().connected_at = now_;
    act(action::ReportConnected{event.session});
  }

  void operator()(const event::AttemptFailed& event) {
    if (state().phase != Phase::kConnecting) return;
    wait_and_report({event.cause, state().backoff.next()});
  }

  void operator()(const event::Lost& event) {
    if (state().phase != Phase::kConnected) return;
    act(action::DropBroken{event.cause});
    if (now_ - state().connected_at >= kGoodConnection) {
      state().short_lived = 0;
      state().backoff.reset();
    } else if (event.end == core::ConnectionEnd::kClosed) {
      ++state().short_lived;
    }
    if (event.end == core::ConnectionEnd::kClosedOnRequest) {
      return wait_and_report(
          {event.cause, state().backoff.within(kRetryAfterRequest), 0, event.end});
    }
    const bool suspected =
        event.end == core::ConnectionEnd::kClosed && state().short_lived >= kTakeOverSuspected;
    wait_and_report({event.cause, state().backoff.next(), suspected ? state().short_lived : 0});
  }

  void operator()(const event::RetryDue&) {
    if (state().phase == Phase::kWaiting) attempt();
  }

  void operator()(const event::Renew& event) {
    if (state().phase != Phase::kConnected) return;
    act(action::LeaveToRenew{event.cause});
    attempt();
  }

  void operator()(const event::Suspend&) {
    state().suspend_requested = true;
    if (state().phase == Phase::kIdle || !stop()) return;
    state().phase = Phase::kSuspended;
  }

  void operator()(const event::Resume&) {
    state().suspend_requested = false;
    if (state().phase == Phase::kSuspended) attempt();
  }

  void operator()(const event::Close&) {
    stop();
    state().phase = Phase::kClosed;
    act(action::ReportClosed{});
  }

  ConnectionStep take() { return std::move(result_); }

 private:
  ConnectionState& state() { return result_.state; }
  template <typename Action>
  void act(Action action) {
    result_.actions.emplace_back(std::in_place_type<Action>, std::move(action));
  }

  void attempt() {
    state().phase = Phase::kConnecting;
    act(action::StartAttempt{});
  }

  void wait_and_report(action::ReportDisconnected report) {
    state().phase = Phase::kWaiting;
    act(action::ArmRetry{report.retry_in});
    act(std::move(report));
  }

  /// Ends what the phase is doing. False when there is nothing to end.
  bool stop() {
    switch (state().phase) {
      case Phase::kConnecting: act(action::AbandonAttempt{}); return true;
      case Phase::kConnected: act(action::Disconnect{}); return true;
      case Phase::kWaiting: act(action::CancelRetry{}); return true;
      case Phase::kIdle:
      case Phase::kSuspended:
      case Phase::kClosed: return false;
    }
    return false;
  }

  base::TimePoint now_;
  ConnectionStep result_;
};

}  // namespace

ConnectionStep step(ConnectionState state, const ConnectionEvent& event, base::TimePoint now) {
  Stepper stepper(state, now);
  std::visit(stepper, event);
  return stepper.take();
}

}  // namespace dapr_mqtt::mqtt
