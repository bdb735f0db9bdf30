// daprd has no code for "the app is not there": only the text of its error says so. The texts were
// read in the sources of Dapr 1.15.0 to 1.18.1. The paths are those of 1.18.1 below
// github.com/dapr/dapr/pkg unless they name another module.
#include "dapr/delivery_errors.h"

#include <optional>
#include <string_view>
#include <utility>

namespace dapr_mqtt::dapr {
namespace {

using Kind = core::DeliveryError::Kind;

struct Pattern {
  Kind kind;
  std::string_view begin;
  /// How the text ends; kAnything: in any way; kNothing: `begin` is the whole text.
  std::string_view end;
};
constexpr std::string_view kAnything{};
constexpr std::string_view kNothing{"\0", 1};

/// Errors whose text is daprd's own from beginning to end.
constexpr Pattern kWhole[] = {
    // runtime/pubsub/streamer/streamer.go: the app has closed its streaming subscription.
    {Kind::kUnreachable, "no streamer subscribed to pubsub ", kAnything},
    {Kind::kUnreachable, "no client stream expecting publish response for id ", kAnything},
    {Kind::kInterrupted, "stream closed", kNothing},
    // runtime/pubsub/errors.go; 1.16 and 1.17: runtime/subscription/subscription.go.
    {Kind::kUnreachable, "subscription is closed", kNothing},
    // github.com/sony/gobreaker, by resiliency/breaker/circuitbreaker.go.
    {Kind::kUnreachable, "circuit breaker is open", kNothing},
    {Kind::kUnreachable, "too many requests", kNothing},
    // runtime/subscription/subscription.go: daprd is shutting down.
    {Kind::kInterrupted, "context canceled", kNothing},
};

/// Errors of HTTP apps, after the URL: texts of Go's net and net/http.
constexpr Pattern kHttp[] = {
    // Refused, no such host, no route, i/o timeout: no request was sent.
    {Kind::kUnreachable, "dial tcp", kAnything},
    {Kind::kUnreachable, "http: server closed idle connection", kNothing},
    {Kind::kInterrupted, "EOF", kNothing},
    {Kind::kInterrupted, "unexpected EOF", kNothing},
    {Kind::kInterrupted, "read tcp ", ": connection reset by peer"},
    {Kind::kInterrupted, "write tcp ", ": connection reset by peer"},
    {Kind::kInterrupted, "write tcp ", ": broken pipe"},
    {Kind::kInterrupted, "http2: client connection lost", kNothing},
    {Kind::kInterrupted, "http2: server sent GOAWAY and closed the connection", kAnything},
    {Kind::kInterrupted, "context canceled", kNothing},
};

/// Errors of gRPC apps and streams, from the status on: texts of google.golang.org/grpc,
/// internal/transport/http2_client.go and clientconn.go. A status of the app has the app's text;
/// only an app that passes on an error of its own gRPC client cannot be told apart.
constexpr Pattern kGrpc[] = {
    {Kind::kUnreachable,
     "rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while "
     "dialing: dial tcp",
     kAnything},
    // Before gRPC 1.56 (daprd 1.9 to 1.11).
    {Kind::kUnreachable,
     "rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while "
     "dialing dial tcp",
     kAnything},
    {Kind::kUnreachable,
     "rpc error: code = Unavailable desc = last connection error: connection error: desc = "
     "\"transport: Error while dialing: dial tcp",
     kAnything},
    {Kind::kUnreachable,
     "rpc error: code = Unavailable desc = connection error: desc = \"error reading server "
     "preface: ",
     kAnything},
    {Kind::kUnreachable, "rpc error: code = Unavailable desc = the connection is draining",
     kNothing},
    {Kind::kUnreachable, "rpc error: code = Canceled desc = grpc: the client connection is closing",
     kNothing},
    {Kind::kInterrupted, "rpc error: code = Unavailable desc = transport is closing", kNothing},
    {Kind::kInterrupted,
     "rpc error: code = Unavailable desc = error reading from server: ", kAnything},
    {Kind::kInterrupted,
     "rpc error: code = Unavailable desc = closing transport due to: connection error: desc = ",
     kAnything},
    // A streaming app that is gone (streamer.go, stream.Send).
    {Kind::kInterrupted, "rpc error: code = Canceled desc = context canceled", kNothing},
};

/// messages/predefined.go, used by channel/http/http_channel.go: the app's health check fails.
constexpr std::string_view kUnhealthy =
    "rpc error: code = Internal desc = app is not in a healthy state";

/// runtime/errors/retriable.go; errors of bulk subscriptions do not have this prefix.
constexpr std::string_view kRetriable = "retriable error occurred: ";
/// runtime/subscription/postman/http/http.go, before 1.16 runtime/subscription/publish.go.
constexpr std::string_view kHttpChannel =
    "error returned from app channel while sending pub/sub event to app: retriable error occurred: ";
/// The same for a bulk subscription; the errors of single entries do not have this prefix.
constexpr std::string_view kHttpBulk =
    "error from app channel while sending pub/sub event to app: ";
/// runtime/subscription/postman/grpc/grpc.go and streamer.go; the event's ID follows, which any
/// publisher may have chosen.
constexpr std::string_view kGrpcEvent = "error returned from app while processing pub/sub event ";
constexpr std::string_view kGrpcBulk =
    "error returned from app while processing bulk pub/sub event: ";

template <std::size_t N>
std::optional<Kind> find(const Pattern (&patterns)[N], std::string_view text) {
  for (const Pattern& p : patterns) {
    if (p.end == kNothing ? text == p.begin : text.starts_with(p.begin) && text.ends_with(p.end)) {
      return p.kind;
    }
  }
  return std::nullopt;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// `Post "<url>": <cause>`, as net/http writes it (quotes in the URL are escaped).
std::optional<Kind> find_http(std::string_view text) {
  if (text == kUnhealthy) return Kind::kUnreachable;
  if (!take_prefix(text, "Post \"")) return std::nullopt;
  constexpr std::string_view kUrlEnd = "\": ";
  const auto end = text.find(kUrlEnd);
  if (end == std::string_view::npos) return std::nullopt;
  return find(kHttp, text.substr(end + kUrlEnd.size()));
}

/// `<event id>: retriable error occurred: <status>`. If the ID or the app's text contains that
/// prefix too, the text is ambiguous and counts as a failure of the app.
std::optional<Kind> find_event(std::string_view text) {
  const auto at = text.find(kRetriable);
  if (at == std::string_view::npos || text.rfind(kRetriable) != at) return std::nullopt;
  return find(kGrpc, text.substr(at + kRetriable.size()));
}

std::optional<Kind> not_reached(std::string_view text) {
  if (const auto kind = find(kWhole, text)) return kind;
  if (take_prefix(text, kHttpChannel) || take_prefix(text, kHttpBulk)) return find_http(text);
  if (take_prefix(text, kGrpcEvent)) return find_event(text);
  if (take_prefix(text, kGrpcBulk)) return find(kGrpc, text);
  return find_http(text);
}

}  // namespace

core::DeliveryError delivery_error(std::string text) {
  const Kind kind = not_reached(text).value_or(Kind::kFailed);
  return {std::move(text), kind};
}

}  // namespace dapr_mqtt::dapr
