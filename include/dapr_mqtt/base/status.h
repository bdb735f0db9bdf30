// Results as values. No exception crosses a room: the room that includes a
// throwing library turns its exceptions into these.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace dapr_mqtt::base {

/// What went wrong, in terms a caller can act on. Each edge maps these once:
/// gRPC codes in src/dapr/status_codes.cpp, MQTT codes in src/mqtt/reason_codes.cpp.
enum class ErrorKind {
  kOk,
  kInvalidArgument,     ///< the request is wrong and stays wrong when repeated
  kFailedPrecondition,  ///< right request, wrong time (no Init, consumerID in use)
  kUnavailable,         ///< the broker or a disk does not work now; worth trying again
  kDeadlineExceeded,    ///< no answer in time; the effect is unknown
  kResourceExhausted,   ///< a bound of ours or of the broker was reached
  kPermissionDenied,    ///< the broker does not authorise it
  kUnauthenticated,     ///< bad user, password or certificate
  kCancelled,           ///< stopped by the caller or by our shutdown
  kInternal,            ///< a mistake of ours
};

/// The kind's name as in gRPC's documentation, e.g. "INVALID_ARGUMENT".
std::string_view to_string(ErrorKind kind);

/// Success, or an error with a text for the user: what is wrong, where (key,
/// topic, path), what to do. Never holds a secret. Cheap to move; a success
/// allocates nothing.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(ErrorKind kind, std::string message) : kind_(kind), message_(std::move(message)) {}

  bool ok() const { return kind_ == ErrorKind::kOk; }
  ErrorKind kind() const { return kind_; }
  const std::string& message() const { return message_; }

  /// The same error with `context` and ": " before its text. A success stays a success.
  Status with_context(std::string_view context) const;

 private:
  ErrorKind kind_ = ErrorKind::kOk;
  std::string message_;
};

Status invalid_argument(std::string message);
Status failed_precondition(std::string message);
Status unavailable(std::string message);
Status deadline_exceeded(std::string message);
Status resource_exhausted(std::string message);
Status permission_denied(std::string message);
Status unauthenticated(std::string message);
Status cancelled(std::string message);
Status internal_error(std::string message);

/// A value, or an error instead of it. Reading value() of an error is a mistake
/// of ours and ends the process.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}       // NOLINT(google-explicit-constructor)
  Result(Status error) : state_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return std::holds_alternative<T>(state_); }
  const T& value() const& { return std::get<T>(state_); }
  T& value() & { return std::get<T>(state_); }
  T&& value() && { return std::get<T>(std::move(state_)); }

  /// Success when there is a value.
  Status status() const { return ok() ? Status() : std::get<Status>(state_); }

 private:
  std::variant<T, Status> state_;
};

}  // namespace dapr_mqtt::base
