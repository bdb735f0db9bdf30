#include "dapr/probe_reflection.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include "dapr/status_codes.h"

namespace dapr_mqtt::dapr {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr const char* kMethod = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";

/// The reflection library has its messages' types but ships no headers of them:
/// so they are found by name, and their fields too.
std::unique_ptr<Message> make_message(const std::string& name) {
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();  // links the library
  const auto* type = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(
      "grpc.reflection.v1alpha." + name);
  if (type == nullptr) return nullptr;
  return std::unique_ptr<Message>(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
}

const FieldDescriptor* field(const Message& message, const char* name) {
  return message.GetDescriptor()->FindFieldByName(name);
}

grpc::ByteBuffer encode(const Message& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

bool decode(const grpc::ByteBuffer& buffer, Message& message) {
  grpc::Slice slice;
  if (!buffer.DumpToSingleSlice(&slice).ok()) return false;
  return message.ParseFromArray(slice.begin(), static_cast<int>(slice.size()));
}

std::vector<std::string> names_in(const Message& response) {
  std::vector<std::string> names;
  const auto* list_field = field(response, "list_services_response");
  const Message& list = response.GetReflection()->GetMessage(response, list_field);
  const auto* services = field(list, "service");
  const int count = list.GetReflection()->FieldSize(list, services);
  for (int i = 0; i < count; ++i) {
    const Message& service = list.GetReflection()->GetRepeatedMessage(list, services, i);
    names.push_back(service.GetReflection()->GetString(service, field(service, "name")));
  }
  return names;
}

/// One request and one answer on the stream that reflection is.
class Exchange {
 public:
  Exchange(const std::shared_ptr<grpc::Channel>& channel,
           std::chrono::system_clock::time_point deadline)
      : stub_(channel) {
    context_.set_deadline(deadline);
  }
  ~Exchange() {
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }

  grpc::Status run(const grpc::ByteBuffer& request, grpc::ByteBuffer& answer) {
    const auto call = stub_.PrepareCall(&context_, kMethod, &queue_);
    call->StartCall(this);
    bool ok = step();
    if (ok) {
      call->Write(request, this);
      ok = step();
    }
    if (ok) {
      call->WritesDone(this);
      ok = step();
    }
    if (ok) {
      call->Read(&answer, this);
      step();
    }
    grpc::Status status;
    call->Finish(&status, this);
    step();
    return status;
  }

 private:
  bool step() {
    void* tag = nullptr;
    bool ok = false;
    return queue_.Next(&tag, &ok) && ok;
  }

  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
};

}  // namespace

base::Result<std::vector<std::string>> list_services(
    const std::shared_ptr<grpc::Channel>& channel,
    std::chrono::system_clock::time_point deadline) {
  const auto request = make_message("ServerReflectionRequest");
  const auto response = make_message("ServerReflectionResponse");
  if (!request || !response) return base::internal_error("gRPC's reflection library is missing");
  request->GetReflection()->SetString(request.get(), field(*request, "list_services"), "*");

  grpc::ByteBuffer answer;
  Exchange exchange(channel, deadline);
  if (const grpc::Status status = exchange.run(encode(*request), answer); !status.ok()) {
    return from_grpc(status);
  }
  if (!answer.Valid() || !decode(answer, *response)) {
    return base::internal_error("the answer of server reflection cannot be read");
  }
  return names_in(*response);
}

}  // namespace dapr_mqtt::dapr
