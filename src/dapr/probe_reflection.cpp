#include "dapr/probe_reflection.h"

#include "dapr/status_codes.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"

namespace dapr_mqtt::dapr {

namespace reflection = ::grpc::reflection::v1alpha;

base::Result<std::vector<std::string>> list_services(
    const std::shared_ptr<grpc::Channel>& channel, std::chrono::system_clock::time_point deadline) {
  const auto stub = reflection::ServerReflection::NewStub(channel);
  grpc::ClientContext context;
  context.set_deadline(deadline);
  const auto stream = stub->ServerReflectionInfo(&context);
  reflection::ServerReflectionRequest request;
  request.set_list_services("*");
  reflection::ServerReflectionResponse response;
  const bool answered = stream->Write(request) && stream->WritesDone() && stream->Read(&response);
  if (const grpc::Status status = stream->Finish(); !status.ok()) return from_grpc(status);
  if (!answered || !response.has_list_services_response()) {
    return base::internal_error("server reflection did not list its services");
  }
  std::vector<std::string> names;
  for (const auto& service : response.list_services_response().service()) {
    names.push_back(service.name());
  }
  return names;
}

}  // namespace dapr_mqtt::dapr
