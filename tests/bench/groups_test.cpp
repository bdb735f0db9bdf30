#include <gtest/gtest.h>

#include <csignal>

#include "subject.h"

namespace dapr_mqtt::bench {
namespace {

std::optional<std::string> why(const std::string& cgroups, const std::string& with_cpu = "none") {
  return why_no_groups(true, cgroups, [&](const std::string& group) { return group == with_cpu; });
}

TEST(Groups, Are_there_for_processes_outside_of_control_groups) {
  EXPECT_EQ(why("0::/\n"), std::nullopt);
  EXPECT_EQ(why("4:memory:/a\n1:cpu,cpuacct:/\n0::/\n"), std::nullopt);
  EXPECT_EQ(why(""), std::nullopt);
}

TEST(Groups, Are_not_there_without_autogroups) {
  EXPECT_NE(why_no_groups(false, "0::/\n", [](const std::string&) { return false; }), std::nullopt);
}

TEST(Groups, Are_not_there_within_a_control_group_for_processors) {
  EXPECT_NE(why("4:memory:/\n1:cpuacct,cpu:/a/b\n0::/\n"), std::nullopt);
  EXPECT_NE(why("0::/a/b\n", "/a/b"), std::nullopt);
  EXPECT_NE(why("0::/a/b\n", "/a"), std::nullopt);
  EXPECT_EQ(why("0::/a/b\n", "/b"), std::nullopt);
  EXPECT_EQ(why("3:cpuset:/a\n2:name=systemd:/a\n0::/a/b\n"), std::nullopt);
}

TEST(Groups, Own_is_a_session_of_the_subject_and_shared_is_ours) {
  for (const Group group : {Group::kOwn, Group::kShared}) {
    testing::ChildProcess process(in_group(group, {"/bin/sh", "-c", "echo ready; exec sleep 600"}));
    ASSERT_TRUE(process.wait_for_output("ready"));
    const pid_t session = ::getsid(process.pid());
    EXPECT_EQ(session, group == Group::kOwn ? process.pid() : ::getsid(0)) << name_of(group);
  }
}

}  // namespace
}  // namespace dapr_mqtt::bench
