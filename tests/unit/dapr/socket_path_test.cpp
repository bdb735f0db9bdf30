#include "dapr_mqtt/dapr/socket_path.h"

#include <gmock/gmock.h>

namespace dapr_mqtt::dapr {
namespace {

using ::testing::HasSubstr;

std::string path_for(const SocketPathInputs& inputs) {
  const auto path = socket_path(inputs);
  return path.ok() ? path.value() : "error: " + path.status().message();
}

TEST(SocketPath, is_daprds_default_when_nothing_is_given) {
  EXPECT_EQ(path_for({}), "/tmp/dapr-components-sockets/mqtt.sock");
}

TEST(SocketPath, takes_the_flag_before_both_variables_and_ours_before_daprds) {
  EXPECT_EQ(path_for({"/flag", "/component", "/components", {}}), "/flag/mqtt.sock");
  EXPECT_EQ(path_for({{}, "/component", "/components", {}}), "/component/mqtt.sock");
  EXPECT_EQ(path_for({{}, {}, "/components", {}}), "/components/mqtt.sock");
}

TEST(SocketPath, takes_an_empty_folder_for_one_that_is_not_given) {
  EXPECT_EQ(path_for({"", "", "/components", {}}), "/components/mqtt.sock");
  EXPECT_EQ(path_for({"", "", "", {}}), "/tmp/dapr-components-sockets/mqtt.sock");
}

TEST(SocketPath, has_one_slash_however_the_folder_ends) {
  EXPECT_EQ(path_for({"/a//", {}, {}, {}}), "/a/mqtt.sock");
  EXPECT_EQ(path_for({"/", {}, {}, {}}), "/mqtt.sock");
  EXPECT_EQ(path_for({"relative", {}, {}, {}}), "relative/mqtt.sock");
}

TEST(SocketPath, is_named_by_the_flag) {
  EXPECT_EQ(path_for({"/a", {}, {}, "my-mqtt.v2"}), "/a/my-mqtt.v2.sock");
}

TEST(SocketPath, refuses_names_that_are_no_file_names) {
  for (const std::string name :
       {"", "a/b", "/", ".", "..", ".hidden", "a b", "a\nb", "mqtt.sock"}) {
    const auto path = socket_path({"/a", {}, {}, name});
    ASSERT_FALSE(path.ok()) << name;
    EXPECT_EQ(path.status().kind(), base::ErrorKind::kInvalidArgument);
    EXPECT_THAT(path.status().message(), HasSubstr("socket name"));
  }
}

TEST(SocketPath, may_have_107_bytes_and_not_one_more) {
  const std::string tail = "/mqtt.sock";
  const std::string folder = "/" + std::string(107 - 1 - tail.size(), 'x');
  EXPECT_EQ(path_for({folder, {}, {}, {}}), folder + tail);
  EXPECT_THAT(path_for({folder + "x", {}, {}, {}}), HasSubstr("108 bytes"));
  EXPECT_THAT(path_for({folder + "x", {}, {}, {}}), HasSubstr("--socket-folder"));
}

TEST(SocketPath, refuses_a_folder_with_a_NUL_byte) {
  EXPECT_THAT(path_for({std::string("/a\0b", 4), {}, {}, {}}), HasSubstr("NUL"));
}

}  // namespace
}  // namespace dapr_mqtt::dapr
