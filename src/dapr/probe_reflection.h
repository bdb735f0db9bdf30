#pragma once

#include <grpcpp/channel.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "dapr_mqtt/base/status.h"

namespace dapr_mqtt::dapr {

/// The services that the peer's server reflection lists; version v1alpha is used, as daprd does.
/// Blocks until the answer or the deadline.
base::Result<std::vector<std::string>> list_services(
    const std::shared_ptr<grpc::Channel>& channel, std::chrono::system_clock::time_point deadline);

}  // namespace dapr_mqtt::dapr
