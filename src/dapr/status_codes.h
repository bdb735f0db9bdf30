// Converts our errors to gRPC's and back; nothing else does.
#pragma once

#include <grpcpp/support/status.h>

#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::dapr {

/// Texts are cut so that they fit into gRPC's trailers (8 KiB by default; each byte that is not
/// plain ASCII takes three bytes there).
grpc::Status to_grpc(const base::Status& status);

/// For the probe: the component's answer. A code without an ErrorKind of its own becomes INTERNAL
/// with the code's number in the text.
base::Status from_grpc(const grpc::Status& status);

}  // namespace dapr_mqtt::dapr
