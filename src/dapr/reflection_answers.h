#pragma once

#include <string>
#include <vector>

#include "grpc/reflection/v1alpha/reflection.pb.h"

namespace dapr_mqtt::dapr {

namespace reflection = ::grpc::reflection::v1alpha;

/// What server reflection answers to one request: about the files that are compiled
/// into this process, and `services`. Unknown names and numbers get an error inside
/// the response, with gRPC's code NOT_FOUND. Thread-safe.
reflection::ServerReflectionResponse answer(const reflection::ServerReflectionRequest& request,
                                            const std::vector<std::string>& services);

}  // namespace dapr_mqtt::dapr
