// Short names for the generated messages, and small conversions.
#pragma once

#include <google/protobuf/map.h>
#include <grpcpp/server_context.h>

#include <string>

#include "dapr/instance_registry.h"
#include "dapr/proto/components/v1/pubsub.grpc.pb.h"
#include "dapr_mqtt/base/executor.h"
#include "dapr_mqtt/core/metadata.h"

namespace dapr_mqtt::dapr {

/// The namespace of the generated code; `::` since `dapr` is also a namespace of ours.
namespace wire = ::dapr::proto::components::v1;

/// Identifies the instance on a connection; daprd sends the Component's name.
inline constexpr const char* kInstanceHeader = "x-component-instance";

/// Trailing metadata of Ping: the version of the component. daprd does not read it.
inline constexpr const char* kVersionHeader = "dapr-pubsub-mqtt-version";
/// Trailing metadata of Ping when a daprd has missed a restart of the component: what is wrong and
/// what to do.
inline constexpr const char* kMissedHeader = "dapr-pubsub-mqtt-missed-restart";

inline core::Metadata to_metadata(
    const google::protobuf::Map<std::string, std::string>& properties) {
  return {properties.begin(), properties.end()};
}

/// The instance that a call is for. The connection is -1 when the peer is not one of ours.
InstanceKey key_of(const grpc::ServerContext& context);

/// The caller's deadline by our clock; TimePoint::max() when it set none.
base::TimePoint deadline_of(const grpc::ServerContext& context);

}  // namespace dapr_mqtt::dapr
