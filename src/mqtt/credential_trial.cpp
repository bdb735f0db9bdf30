#include "mqtt/credential_trial.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "dapr_mqtt/transport/dialer.h"

namespace dapr_mqtt::mqtt {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Verdict = CredentialTrial::Verdict;

constexpr milliseconds kLongest{2000};
/// With TLS 1.3 the broker rejects our certificate only after the handshake (RFC 8446 section
/// 4.4.2.4), so the alert takes one more round trip.
constexpr milliseconds kForAlert{300};

/// The error that the broker's alert causes; OK when none came.
base::Status alert_of(transport::ByteStream& stream, const transport::Cancel& cancel) {
  const auto until = steady_clock::now() + kForAlert;
  for (;;) {
    char byte = 0;
    const transport::IoResult got = stream.read(&byte, 1);
    if (got.outcome == transport::IoResult::Outcome::kFailed) return got.status;
    if (got.outcome != transport::IoResult::Outcome::kWouldBlock) return {};
    const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now());
    if (left.count() <= 0 || cancel.is_set()) return {};
    pollfd fds[] = {{stream.fd(), POLLIN, 0}, {cancel.fd(), POLLIN, 0}};
    ::poll(fds, 2, static_cast<int>(left.count()));
  }
}

}  // namespace

CredentialTrial try_handshake(const core::Endpoint& endpoint,
                              const core::ConnectionOptions& options, transport::Resolver& resolver,
                              const transport::Cancel& cancel) {
  if (!endpoint.uses_tls()) return {};
  transport::Dialer dialer(endpoint, options, resolver, cancel);
  const auto deadline = steady_clock::now() + std::min(kLongest, options.connect_timeout);
  transport::Dialled dialled = dialer.next(deadline);
  if (cancel.is_set()) return {Verdict::kNotKnown, {}};
  if (dialled.stream) {
    if (options.tls.cert_pem.empty()) return {};
    base::Status alert = alert_of(*dialled.stream, cancel);
    dialled.stream->shut_down();
    if (alert.kind() != base::ErrorKind::kUnauthenticated) return {};
    return {Verdict::kRefused, alert.with_context(endpoint.str())};
  }
  if (dialled.depth < transport::Dialled::Depth::kTls || steady_clock::now() >= deadline) {
    return {Verdict::kNotKnown, {}};
  }
  return {Verdict::kRefused, dialled.status.with_context(endpoint.str())};
}

}  // namespace dapr_mqtt::mqtt
