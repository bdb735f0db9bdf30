// Server reflection, as daprd and grpcurl use it.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>

#include <future>

#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "unit/dapr/server_fixture.h"

namespace dapr_mqtt::dapr {
namespace {

namespace reflection = ::grpc::reflection::v1alpha;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::WireClient;

constexpr const char* kPubSubFile = "dapr/proto/components/v1/pubsub.proto";
constexpr const char* kCommonFile = "dapr/proto/components/v1/common.proto";

class Reflection : public testing::ServerTest {
 protected:
  void SetUp() override {
    start();
    client_.emplace(path_);
    client_->prepare(context_);
    stream_ =
        reflection::ServerReflection::NewStub(client_->channel())->ServerReflectionInfo(&context_);
  }
  reflection::ServerReflectionResponse ask(const reflection::ServerReflectionRequest& request) {
    reflection::ServerReflectionResponse response;
    EXPECT_TRUE(stream_->Write(request));
    EXPECT_TRUE(stream_->Read(&response));
    return response;
  }
  reflection::ServerReflectionResponse ask_symbol(const std::string& name) {
    reflection::ServerReflectionRequest request;
    request.set_file_containing_symbol(name);
    return ask(request);
  }
  reflection::ServerReflectionResponse ask_extension(const std::string& type, int number) {
    reflection::ServerReflectionRequest request;
    request.mutable_file_containing_extension()->set_containing_type(type);
    request.mutable_file_containing_extension()->set_extension_number(number);
    return ask(request);
  }
  static std::vector<std::string> files(const reflection::ServerReflectionResponse& response) {
    std::vector<std::string> names;
    for (const auto& bytes : response.file_descriptor_response().file_descriptor_proto()) {
      google::protobuf::FileDescriptorProto file;
      EXPECT_TRUE(file.ParseFromString(bytes));
      names.emplace_back(file.name());
    }
    return names;
  }
  static void expect_not_found(const reflection::ServerReflectionResponse& response,
                               const std::string& name) {
    EXPECT_EQ(response.error_response().error_code(), grpc::StatusCode::NOT_FOUND);
    EXPECT_THAT(response.error_response().error_message(), HasSubstr(name));
  }

  std::optional<WireClient> client_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<reflection::ServerReflectionRequest,
                                           reflection::ServerReflectionResponse>>
      stream_;
};

TEST_F(Reflection, lists_the_three_services) {
  reflection::ServerReflectionRequest request;
  request.set_host("localhost");
  request.set_list_services("");
  const auto response = ask(request);
  std::vector<std::string> names;
  for (const auto& service : response.list_services_response().service()) {
    names.push_back(service.name());
  }
  EXPECT_THAT(names,
              ElementsAre("dapr.proto.components.v1.PubSub",
                          "grpc.reflection.v1alpha.ServerReflection", "grpc.health.v1.Health"));
  EXPECT_EQ(response.valid_host(), "localhost");
  EXPECT_TRUE(response.original_request().has_list_services());
}

TEST_F(Reflection, describes_services_methods_and_messages_with_all_that_they_import) {
  for (const char* symbol :
       {"dapr.proto.components.v1.PubSub", "dapr.proto.components.v1.PubSub.PullMessages",
        "dapr.proto.components.v1.PublishRequest"}) {
    EXPECT_THAT(files(ask_symbol(symbol)), ElementsAre(kPubSubFile, kCommonFile)) << symbol;
  }
  EXPECT_THAT(files(ask_symbol("dapr.proto.components.v1.MetadataRequest")),
              ElementsAre(kCommonFile));
}

TEST_F(Reflection, describes_itself_and_the_health_service) {
  EXPECT_THAT(files(ask_symbol("grpc.reflection.v1alpha.ServerReflection")),
              ElementsAre("grpc/reflection/v1alpha/reflection.proto"));
  EXPECT_THAT(files(ask_symbol("grpc.health.v1.Health")),
              ElementsAre("grpc/health/v1/health.proto"));
}

TEST_F(Reflection, gives_a_file_by_its_name) {
  reflection::ServerReflectionRequest request;
  request.set_file_by_filename(kPubSubFile);
  EXPECT_THAT(files(ask(request)), ElementsAre(kPubSubFile, kCommonFile));
}

TEST_F(Reflection, says_what_it_does_not_know_and_goes_on) {
  expect_not_found(ask_symbol("no.such.Service"), "no.such.Service");
  reflection::ServerReflectionRequest request;
  request.set_file_by_filename("no/such.proto");
  expect_not_found(ask(request), "no/such.proto");
  expect_not_found(ask_extension("no.such.Message", 100), "no.such.Message");
  expect_not_found(ask_extension("dapr.proto.components.v1.PublishRequest", 100), "100");
  request.set_all_extension_numbers_of_type("no.such.Message");
  expect_not_found(ask(request), "no.such.Message");
  EXPECT_EQ(ask({}).error_response().error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_THAT(files(ask_symbol("dapr.proto.components.v1.PubSub")), Contains(kPubSubFile));
}

TEST_F(Reflection, knows_which_extensions_a_message_has) {
  reflection::ServerReflectionRequest request;
  request.set_all_extension_numbers_of_type("dapr.proto.components.v1.PublishRequest");
  const auto response = ask(request);
  ASSERT_TRUE(response.has_all_extension_numbers_response());
  EXPECT_EQ(response.all_extension_numbers_response().base_type_name(),
            "dapr.proto.components.v1.PublishRequest");
  EXPECT_EQ(response.all_extension_numbers_response().extension_number_size(), 0);
}

TEST_F(Reflection, ends_with_OK_when_the_client_has_no_more_requests) {
  ask_symbol("no.such.Service");
  stream_->WritesDone();
  EXPECT_TRUE(stream_->Finish().ok());
}

TEST_F(Reflection, serves_many_streams_at_once) {
  constexpr int kStreams = 20;
  std::vector<std::future<std::size_t>> lists;
  for (int i = 0; i < kStreams; ++i) {
    lists.push_back(std::async(std::launch::async, [&] {
      grpc::ClientContext context;
      client_->prepare(context);
      const auto stream =
          reflection::ServerReflection::NewStub(client_->channel())->ServerReflectionInfo(&context);
      reflection::ServerReflectionRequest request;
      request.set_file_containing_symbol("dapr.proto.components.v1.PubSub");
      std::size_t answers = 0;
      reflection::ServerReflectionResponse response;
      while (answers < 20 && stream->Write(request) && stream->Read(&response)) ++answers;
      context.TryCancel();
      stream->Finish();
      return answers;
    }));
  }
  for (auto& list : lists) EXPECT_EQ(list.get(), 20U);
}

TEST_F(Reflection, stream_that_stays_open_does_not_keep_the_server_from_stopping) {
  ask_symbol("no.such.Service");
  stop();
  reflection::ServerReflectionResponse response;
  EXPECT_FALSE(stream_->Read(&response));
  EXPECT_FALSE(stream_->Finish().ok());
}

}  // namespace
}  // namespace dapr_mqtt::dapr
