// The one place where our errors become gRPC's and back.
#pragma once

#include <grpcpp/support/status.h>

#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::dapr {

/// Texts are cut so that they fit into gRPC's trailers (8 KiB by default, and
/// all but plain ASCII takes three bytes a byte there).
grpc::Status to_grpc(const base::Status& status);

/// For the probe: what a component answered. Codes without a kind of ours
/// become INTERNAL with the code's number in the text.
base::Status from_grpc(const grpc::Status& status);

}  // namespace dapr_mqtt::dapr
