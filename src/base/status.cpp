#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::base {

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kOk: return "OK";
    case ErrorKind::kInvalidArgument: return "INVALID_ARGUMENT";
    case ErrorKind::kFailedPrecondition: return "FAILED_PRECONDITION";
    case ErrorKind::kUnavailable: return "UNAVAILABLE";
    case ErrorKind::kDeadlineExceeded: return "DEADLINE_EXCEEDED";
    case ErrorKind::kResourceExhausted: return "RESOURCE_EXHAUSTED";
    case ErrorKind::kPermissionDenied: return "PERMISSION_DENIED";
    case ErrorKind::kUnauthenticated: return "UNAUTHENTICATED";
    case ErrorKind::kCancelled: return "CANCELLED";
    case ErrorKind::kInternal: return "INTERNAL";
  }
  return "UNKNOWN";
}

Status Status::with_context(std::string_view context) const {
  if (ok()) return *this;
  return Status(kind_, std::string(context) + ": " + message_);
}

Status invalid_argument(std::string message) {
  return {ErrorKind::kInvalidArgument, std::move(message)};
}
Status failed_precondition(std::string message) {
  return {ErrorKind::kFailedPrecondition, std::move(message)};
}
Status unavailable(std::string message) { return {ErrorKind::kUnavailable, std::move(message)}; }
Status deadline_exceeded(std::string message) {
  return {ErrorKind::kDeadlineExceeded, std::move(message)};
}
Status resource_exhausted(std::string message) {
  return {ErrorKind::kResourceExhausted, std::move(message)};
}
Status permission_denied(std::string message) {
  return {ErrorKind::kPermissionDenied, std::move(message)};
}
Status unauthenticated(std::string message) {
  return {ErrorKind::kUnauthenticated, std::move(message)};
}
Status cancelled(std::string message) { return {ErrorKind::kCancelled, std::move(message)}; }
Status internal_error(std::string message) { return {ErrorKind::kInternal, std::move(message)}; }

}  // namespace dapr_mqtt::base
