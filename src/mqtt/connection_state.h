// What a connection does next, without doing it: no Paho, no thread, no clock.
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "dapr_mqtt/base/backoff.h"
#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::mqtt {

struct ConnectionState {
  enum class Phase {
    kIdle,        ///< open() has not been called
    kConnecting,  ///< an attempt runs
    kConnected,
    kWaiting,  ///< for the next attempt
    kSuspended,
    kClosed,
  };

  Phase phase = Phase::kIdle;
  bool suspend_wished = false;  ///< suspend() came before open()
  base::Backoff backoff;
  base::TimePoint connected_at{};
  /// Connections in a row that broke soon, but for want of resources here or there.
  int short_lived = 0;
};

/// A connection that held this long was a good one: back-off starts over. Two
/// clients that take each other's connection away never get there, since their
/// back-off grows to 30 s at the most.
inline constexpr base::Duration kGoodConnection = std::chrono::seconds(30);
/// So many short-lived connections in a row make another client with the same
/// client ID the probable cause (MQTT-3.1.4-2: the broker drops the older one).
inline constexpr int kTakeOverSuspected = 3;

namespace event {
struct Open {};
struct Connected {
  bool session_present = false;
};
struct AttemptFailed {
  base::Status cause;
};
struct Lost {
  base::Status cause;
};
struct RetryDue {};
struct Suspend {};
struct Resume {};
struct Close {};
}  // namespace event
using ConnectionEvent =
    std::variant<event::Open, event::Connected, event::AttemptFailed, event::Lost, event::RetryDue,
                 event::Suspend, event::Resume, event::Close>;

namespace action {
struct StartAttempt {};
struct AbandonAttempt {};
/// In order; open operations fail.
struct Disconnect {};
/// What is left of a broken connection.
struct DropBroken {
  base::Status cause;
};
struct ArmRetry {
  base::Duration delay;
};
struct CancelRetry {};
struct TellConnected {
  bool session_present = false;
};
struct TellDisconnected {
  base::Status cause;
  base::Duration retry_in;
  int short_lived = 0;  ///< 0 unless a take-over is suspected
};
struct TellClosed {};
}  // namespace action
using ConnectionAction =
    std::variant<action::StartAttempt, action::AbandonAttempt, action::Disconnect,
                 action::DropBroken, action::ArmRetry, action::CancelRetry, action::TellConnected,
                 action::TellDisconnected, action::TellClosed>;

struct ConnectionStep {
  ConnectionState state;
  std::vector<ConnectionAction> actions;  ///< to be done in this order
};

/// Events that come too late for their phase (an attempt's result after close)
/// change nothing.
ConnectionStep step(ConnectionState state, const ConnectionEvent& event, base::TimePoint now);

}  // namespace dapr_mqtt::mqtt
