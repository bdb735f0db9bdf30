#include "dapr/reflection_answers.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <grpcpp/support/status.h>

#include <set>

#include "dapr_mqtt/base/text.h"

namespace dapr_mqtt::dapr {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using reflection::ServerReflectionResponse;

const DescriptorPool& pool() { return *DescriptorPool::generated_pool(); }

void refuse(ServerReflectionResponse& response, grpc::StatusCode code, const std::string& text) {
  response.mutable_error_response()->set_error_code(code);
  response.mutable_error_response()->set_error_message(text);
}

/// Adds the file and then its imports, so that the client need not ask for each of them.
void add_with_imports(const FileDescriptor& file, reflection::FileDescriptorResponse& out,
                      std::set<const FileDescriptor*>& added) {
  if (!added.insert(&file).second) return;
  google::protobuf::FileDescriptorProto proto;
  file.CopyTo(&proto);
  out.add_file_descriptor_proto(proto.SerializeAsString());
  for (int i = 0; i < file.dependency_count(); ++i) {
    add_with_imports(*file.dependency(i), out, added);
  }
}

/// `what`, for the error's text: what the client looked for.
void answer_with_file(const FileDescriptor* file, const std::string& what,
                      ServerReflectionResponse& response) {
  if (file == nullptr) return refuse(response, grpc::StatusCode::NOT_FOUND, "no " + what);
  std::set<const FileDescriptor*> added;
  add_with_imports(*file, *response.mutable_file_descriptor_response(), added);
}

void answer_extension(const reflection::ExtensionRequest& request,
                      ServerReflectionResponse& response) {
  const Descriptor* type = pool().FindMessageTypeByName(request.containing_type());
  const FieldDescriptor* extension =
      type == nullptr ? nullptr : pool().FindExtensionByNumber(type, request.extension_number());
  answer_with_file(extension == nullptr ? nullptr : extension->file(),
                   "extension " + std::to_string(request.extension_number()) + " of message " +
                       base::quote(request.containing_type()),
                   response);
}

void answer_extension_numbers(const std::string& name, ServerReflectionResponse& response) {
  const Descriptor* type = pool().FindMessageTypeByName(name);
  if (type == nullptr) {
    return refuse(response, grpc::StatusCode::NOT_FOUND, "no message " + base::quote(name));
  }
  auto& out = *response.mutable_all_extension_numbers_response();
  out.set_base_type_name(name);
  std::vector<const FieldDescriptor*> extensions;
  pool().FindAllExtensions(type, &extensions);
  for (const FieldDescriptor* extension : extensions) out.add_extension_number(extension->number());
}

}  // namespace

ServerReflectionResponse answer(const reflection::ServerReflectionRequest& request,
                                const std::vector<std::string>& services) {
  ServerReflectionResponse response;
  response.set_valid_host(request.host());
  *response.mutable_original_request() = request;
  using Request = reflection::ServerReflectionRequest;
  switch (request.message_request_case()) {
    case Request::kFileByFilename: {
      const std::string& name = request.file_by_filename();
      answer_with_file(pool().FindFileByName(name), "file " + base::quote(name), response);
      break;
    }
    case Request::kFileContainingSymbol: {
      const std::string& name = request.file_containing_symbol();
      answer_with_file(pool().FindFileContainingSymbol(name), "symbol " + base::quote(name),
                       response);
      break;
    }
    case Request::kFileContainingExtension:
      answer_extension(request.file_containing_extension(), response);
      break;
    case Request::kAllExtensionNumbersOfType:
      answer_extension_numbers(request.all_extension_numbers_of_type(), response);
      break;
    case Request::kListServices:
      for (const std::string& name : services) {
        response.mutable_list_services_response()->add_service()->set_name(name);
      }
      break;
    case Request::MESSAGE_REQUEST_NOT_SET:
      refuse(response, grpc::StatusCode::UNIMPLEMENTED,
             "the request asks for nothing that this version of reflection knows");
      break;
  }
  return response;
}

}  // namespace dapr_mqtt::dapr
