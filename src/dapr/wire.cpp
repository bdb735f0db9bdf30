#include "dapr/wire.h"

#include <charconv>
#include <chrono>
#include <string_view>

namespace dapr_mqtt::dapr {
namespace {

/// gRPC names a connection that was handed to it as a descriptor "fd:<n>".
ConnectionId connection_of(std::string_view peer) {
  constexpr std::string_view kPrefix = "fd:";
  ConnectionId id = -1;
  if (!peer.starts_with(kPrefix)) return id;
  peer.remove_prefix(kPrefix.size());
  const auto [end, error] = std::from_chars(peer.data(), peer.data() + peer.size(), id);
  return error == std::errc() && end == peer.data() + peer.size() ? id : -1;
}

}  // namespace

InstanceKey key_of(const grpc::ServerContext& context) {
  InstanceKey key;
  key.connection = connection_of(context.peer());
  const auto header = context.client_metadata().find(kInstanceHeader);
  if (header != context.client_metadata().end()) {
    key.name.assign(header->second.data(), header->second.size());
  }
  return key;
}

base::TimePoint deadline_of(const grpc::ServerContext& context) {
  using std::chrono::steady_clock;
  using std::chrono::system_clock;
  const system_clock::time_point deadline = context.deadline();
  // A deadline far away counts as none, so that the sum below cannot overflow.
  constexpr std::chrono::hours kFar{24 * 365};
  const system_clock::time_point now = system_clock::now();
  if (deadline == system_clock::time_point::max() || deadline - now > kFar) {
    return base::TimePoint::max();
  }
  return steady_clock::now() + std::chrono::duration_cast<base::Duration>(deadline - now);
}

}  // namespace dapr_mqtt::dapr
