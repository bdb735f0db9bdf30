// Short names and small conversions of the generated messages.
#pragma once

#include <google/protobuf/map.h>
#include <grpcpp/server_context.h>

#include <string>

#include "dapr/instance_registry.h"
#include "dapr/proto/components/v1/pubsub.grpc.pb.h"
#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/core/metadata.h"

namespace dapr_mqtt::dapr {

/// The generated code's namespace, from outside ours.
namespace wire = ::dapr::proto::components::v1;

/// Tells instances of one connection apart; daprd sends the Component's name.
inline constexpr const char* kInstanceHeader = "x-component-instance";

/// Ping's trailing metadata: which component answers. daprd does not look at it.
inline constexpr const char* kVersionHeader = "dapr-pubsub-mqtt-version";

inline core::Metadata to_metadata(
    const google::protobuf::Map<std::string, std::string>& properties) {
  return {properties.begin(), properties.end()};
}

/// Whom a call is for. The connection is -1 when the peer is none of ours.
InstanceKey key_of(const grpc::ServerContext& context);

/// The caller's deadline by our clock; TimePoint::max() when it set none.
base::TimePoint deadline_of(const grpc::ServerContext& context);

}  // namespace dapr_mqtt::dapr
