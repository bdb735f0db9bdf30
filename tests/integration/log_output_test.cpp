// What the executable writes to standard output, as a log collector sees it.
#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include "support/component_client.h"
#include "support/component_process.h"

namespace dapr_mqtt::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

/// The lines of a component that served, was asked something wrong, and stopped.
std::vector<std::string> log_of(const ComponentOptions& options) {
  ComponentProcess component(options);
  ComponentClient client(component.address(), "my \"pubsub\" \\");
  EXPECT_FALSE(client.init({{"url", "nonsense"}}).ok());
  EXPECT_EQ(component.terminate(), 0);
  return component.process().lines();
}

TEST(LogOutput, is_daprds_text_by_default) {
  const auto lines = log_of({.environment = {{"APP_ID", "orders"}}});
  ASSERT_FALSE(lines.empty());
  for (const std::string& line : lines) {
    EXPECT_THAT(line, MatchesRegex("time=\"[0-9-]+T[0-9:.]+(Z|[+-][0-9:]+)\" level=[a-z]+ "
                                   "msg=([^ \"]+|\"([^\"\\\\]|\\\\.)*\") app_id=orders "
                                   "(component=[^ ].* )?instance=[^ ]+ scope=[a-z.]+ type=log "
                                   "ver=[0-9.]+"));
  }
}

TEST(LogOutput, is_one_json_object_a_line_when_told_to) {
  for (const ComponentOptions& options :
       {ComponentOptions{.arguments = {"--log-as-json", "--app-id", "orders"}},
        ComponentOptions{.environment = {{"DAPR_LOG_AS_JSON", "true"}, {"APP_ID", "orders"}}}}) {
    const auto lines = log_of(options);
    ASSERT_FALSE(lines.empty());
    for (const std::string& line : lines) {
      google::protobuf::Struct object;
      ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(line, &object).ok()) << line;
      for (const char* key :
           {"time", "level", "type", "msg", "scope", "instance", "ver", "app_id"}) {
        EXPECT_TRUE(object.fields().contains(key)) << key << " is missing in " << line;
      }
      EXPECT_EQ(object.fields().at("app_id").string_value(), "orders");
      EXPECT_EQ(object.fields().at("type").string_value(), "log");
    }
  }
}

TEST(LogOutput, holds_debug_lines_only_when_asked_for) {
  EXPECT_THAT(log_of({.arguments = {"--log-level", "info"}}),
              Not(Contains(HasSubstr("level=debug"))));
  // The option is stronger than the variable.
  EXPECT_THAT(
      log_of({.arguments = {"--log-level", "info"}, .environment = {{"DAPR_LOG_LEVEL", "debug"}}}),
      Not(Contains(HasSubstr("level=debug"))));
}

}  // namespace
}  // namespace dapr_mqtt::testing
