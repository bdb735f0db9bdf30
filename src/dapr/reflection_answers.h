#pragma once

#include <string>
#include <vector>

#include "grpc/reflection/v1alpha/reflection.pb.h"

namespace dapr_mqtt::dapr {

namespace reflection = ::grpc::reflection::v1alpha;

/// The answer of server reflection to one request. It knows the files that are compiled into this
/// process, and `services`. For unknown names and numbers the response contains an error with
/// gRPC's code NOT_FOUND. Thread-safe.
reflection::ServerReflectionResponse answer(const reflection::ServerReflectionRequest& request,
                                            const std::vector<std::string>& services);

}  // namespace dapr_mqtt::dapr
