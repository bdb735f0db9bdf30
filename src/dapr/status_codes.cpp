#include "dapr/status_codes.h"

#include <string>
#include <string_view>

namespace dapr_mqtt::dapr {
namespace {

using base::ErrorKind;
using grpc::StatusCode;

StatusCode code_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kOk: return StatusCode::OK;
    case ErrorKind::kInvalidArgument: return StatusCode::INVALID_ARGUMENT;
    case ErrorKind::kFailedPrecondition: return StatusCode::FAILED_PRECONDITION;
    case ErrorKind::kUnavailable: return StatusCode::UNAVAILABLE;
    case ErrorKind::kDeadlineExceeded: return StatusCode::DEADLINE_EXCEEDED;
    case ErrorKind::kResourceExhausted: return StatusCode::RESOURCE_EXHAUSTED;
    case ErrorKind::kPermissionDenied: return StatusCode::PERMISSION_DENIED;
    // The broker did not authenticate our MQTT client; daprd's own call is not the cause. For daprd
    // the broker is unavailable.
    case ErrorKind::kUnauthenticated: return StatusCode::UNAVAILABLE;
    case ErrorKind::kCancelled: return StatusCode::CANCELLED;
    case ErrorKind::kInternal: return StatusCode::INTERNAL;
  }
  return StatusCode::UNKNOWN;
}

ErrorKind kind_of(StatusCode code) {
  switch (code) {
    case StatusCode::OK: return ErrorKind::kOk;
    case StatusCode::INVALID_ARGUMENT: return ErrorKind::kInvalidArgument;
    case StatusCode::FAILED_PRECONDITION: return ErrorKind::kFailedPrecondition;
    case StatusCode::UNAVAILABLE: return ErrorKind::kUnavailable;
    case StatusCode::DEADLINE_EXCEEDED: return ErrorKind::kDeadlineExceeded;
    case StatusCode::RESOURCE_EXHAUSTED: return ErrorKind::kResourceExhausted;
    case StatusCode::PERMISSION_DENIED: return ErrorKind::kPermissionDenied;
    case StatusCode::UNAUTHENTICATED: return ErrorKind::kUnauthenticated;
    case StatusCode::CANCELLED: return ErrorKind::kCancelled;
    default: return ErrorKind::kInternal;
  }
}

/// Half of gRPC's default limit; the rest is for the other trailers.
constexpr std::size_t kMaxEncodedBytes = 4096;
constexpr std::string_view kCutMark = " [cut]";

/// How many bytes of `text` fit, in gRPC's percent-encoding of status messages.
std::size_t fitting_bytes(std::string_view text) {
  std::size_t encoded = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool plain = c >= 0x20 && c < 0x7F && c != '%';
    encoded += plain ? 1 : 3;
    if (encoded > kMaxEncodedBytes) return i;
  }
  return text.size();
}

std::string cut_to_fit(const std::string& text) {
  std::size_t bytes = fitting_bytes(text);
  if (bytes == text.size()) return text;
  // Not in the middle of a UTF-8 sequence: continuation bytes are 10xxxxxx.
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0U) == 0x80U) --bytes;
  return text.substr(0, bytes) + std::string(kCutMark);
}

}  // namespace

grpc::Status to_grpc(const base::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(code_of(status.kind()), cut_to_fit(status.message()));
}

base::Status from_grpc(const grpc::Status& status) {
  const ErrorKind kind = kind_of(status.error_code());
  if (kind == ErrorKind::kOk) return {};
  if (kind == ErrorKind::kInternal && status.error_code() != StatusCode::INTERNAL) {
    return base::internal_error("gRPC code " + std::to_string(status.error_code()) + ": " +
                                status.error_message());
  }
  return base::Status(kind, status.error_message());
}

}  // namespace dapr_mqtt::dapr
