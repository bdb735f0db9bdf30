#include "dapr_mqtt/observability/memory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "support/scratch_folder.h"

namespace dapr_mqtt::observability {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20U;

class MemoryLimitTest : public ::testing::Test {
 protected:
  void write(const std::string& file, const std::string& text) const {
    const auto path = root_.path() / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text << '\n';
  }
  MemoryLimit limit() const { return read_memory_limit(root_.path()); }
  void expect_physical_memory() const {
    EXPECT_EQ(limit().source, "physical memory");
    EXPECT_GT(limit().bytes, 64 * kMiB);
  }

  testing::ScratchFolder root_;
};

TEST_F(MemoryLimitTest, Is_physical_memory_where_no_group_has_one) {
  expect_physical_memory();  // no control groups at all
  write("proc/self/cgroup", "0::/a/b");
  write("sys/fs/cgroup/a/b/memory.max", "max");
  write("sys/fs/cgroup/a/memory.max", "max");
  expect_physical_memory();
}

TEST_F(MemoryLimitTest, Version_2_counts_the_smallest_on_the_way_up) {
  write("proc/self/cgroup", "0::/pods/pod/container");
  write("sys/fs/cgroup/pods/pod/container/memory.max", std::to_string(64 * kMiB));
  EXPECT_EQ(limit().bytes, 64 * kMiB);
  EXPECT_EQ(limit().source, "/sys/fs/cgroup/pods/pod/container/memory.max");
  write("sys/fs/cgroup/pods/pod/memory.max", std::to_string(48 * kMiB));
  write("sys/fs/cgroup/pods/memory.max", std::to_string(50 * kMiB));
  EXPECT_EQ(limit().bytes, 48 * kMiB);
  EXPECT_EQ(limit().source, "/sys/fs/cgroup/pods/pod/memory.max");
}

TEST_F(MemoryLimitTest, A_container_sees_its_own_group_as_the_root) {
  write("proc/self/cgroup", "0::/");
  write("sys/fs/cgroup/memory.max", std::to_string(32 * kMiB));
  EXPECT_EQ(limit().bytes, 32 * kMiB);
  EXPECT_EQ(limit().source, "/sys/fs/cgroup/memory.max");
}

TEST_F(MemoryLimitTest, Version_1_with_a_path_that_the_container_does_not_see) {
  write(
      "proc/self/cgroup",
      "5:cpu,cpuacct:/docker/x\n4:hugetlb,memory:/docker/x\n1:name=systemd:/docker/x\n0::/docker/x");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", std::to_string(40 * kMiB));
  EXPECT_EQ(limit().bytes, 40 * kMiB);
  EXPECT_EQ(limit().source, "/sys/fs/cgroup/memory/memory.limit_in_bytes");
}

TEST_F(MemoryLimitTest, Version_1_without_a_limit_says_a_number_larger_than_any_memory) {
  write("proc/self/cgroup", "4:memory:/");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712");
  expect_physical_memory();
}

TEST_F(MemoryLimitTest, Files_that_make_no_sense_are_passed_over) {
  write("proc/self/cgroup", "nonsense\n::\n0::/../../outside\n4:memory");
  write("sys/fs/cgroup/memory.max", "many");
  expect_physical_memory();
  write("sys/fs/cgroup/memory.max", "-1");
  expect_physical_memory();
  write("sys/fs/cgroup/memory.max", "");
  expect_physical_memory();
}

TEST(ResidentMemory, Grows_with_what_is_used) {
  const std::size_t before = resident_memory();
  EXPECT_GT(before, 0U);
  const std::string much(32 * kMiB, 'x');
  EXPECT_GE(resident_memory(), before + 30 * kMiB);
  EXPECT_EQ(much.back(), 'x');
}

}  // namespace
}  // namespace dapr_mqtt::observability
