// Decides what a connection does next, without doing it: no Paho, no thread, no clock.
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "dapr_mqtt/base/backoff.h"
#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/base/status.h"
#include "dapr_mqtt/core/broker.h"

namespace dapr_mqtt::mqtt {

struct ConnectionState {
  enum class Phase {
    kIdle,        ///< open() has not been called
    kConnecting,  ///< an attempt is running
    kConnected,
    kWaiting,  ///< waiting for the next attempt
    kSuspended,
    kClosed,
  };

  Phase phase = Phase::kIdle;
  bool suspend_requested = false;  ///< suspend() was called; matters if it came before open()
  base::Backoff backoff;
  base::TimePoint connected_at{};
  /// Connections in a row that the broker closed soon, although no request could be the reason.
  int short_lived = 0;
};

/// After a connection of at least this duration, back-off starts over. Two clients that take each
/// other's connection over never reach it, since neither waits for more than 5 s.
inline constexpr base::Duration kGoodConnection = std::chrono::seconds(30);
/// The longest delay before the next attempt when the broker closed the connection on a request.
/// Short, since all other requests wait meanwhile; but not shorter, since a broker that restarts
/// closes all its connections, and the clients must not all reconnect at the same moment.
inline constexpr base::Duration kRetryAfterRequest = std::chrono::milliseconds(500);
/// After this many short-lived connections in a row, another client with the same client ID is the
/// probable cause (MQTT-3.1.4-2: the broker drops the older one).
inline constexpr int kTakeOverSuspected = 3;

namespace event {
struct Open {};
struct Connected {
  core::SessionFound session;
};
struct AttemptFailed {
  base::Status cause;
};
struct Lost {
  base::Status cause;
  core::ConnectionEnd end = core::ConnectionEnd::kOther;
};
struct RetryDue {};
/// The credentials have changed.
struct Renew {
  base::Status cause;
};
struct Suspend {};
struct Resume {};
struct Close {};
}  // namespace event
using ConnectionEvent =
    std::variant<event::Open, event::Connected, event::AttemptFailed, event::Lost, event::RetryDue,
                 event::Suspend, event::Resume, event::Close, event::Renew>;

namespace action {
struct StartAttempt {};
struct AbandonAttempt {};
/// Disconnect normally; open operations fail.
struct Disconnect {};
/// Clean up after a broken connection.
struct DropBroken {
  base::Status cause;
};
struct ArmRetry {
  base::Duration delay;
};
struct CancelRetry {};
struct ReportConnected {
  core::SessionFound session;
};
struct ReportDisconnected {
  base::Status cause;
  base::Duration retry_in;
  int short_lived = 0;  ///< 0 unless a take-over is suspected
  core::ConnectionEnd end = core::ConnectionEnd::kOther;
};
struct ReportClosed {};
/// Disconnect normally; a new attempt follows at once.
struct LeaveToRenew {
  base::Status cause;
};
}  // namespace action
using ConnectionAction =
    std::variant<action::StartAttempt, action::AbandonAttempt, action::Disconnect,
                 action::DropBroken, action::ArmRetry, action::CancelRetry, action::ReportConnected,
                 action::ReportDisconnected, action::ReportClosed, action::LeaveToRenew>;

struct ConnectionStep {
  ConnectionState state;
  std::vector<ConnectionAction> actions;  ///< to be done in this order
};

/// Events that come too late for their phase (such as an attempt's result after close()) change
/// nothing.
ConnectionStep step(ConnectionState state, const ConnectionEvent& event, base::TimePoint now);

}  // namespace dapr_mqtt::mqtt
