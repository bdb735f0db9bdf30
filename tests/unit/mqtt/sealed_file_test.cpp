#include "mqtt/sealed_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

namespace dapr_mqtt::mqtt {
namespace {

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(SealedFile, Content_can_be_read_by_path_again_and_again) {
  const auto file = SealedFile::make("test", "-----BEGIN-----\nkey\n");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(read(file.value().path()), "-----BEGIN-----\nkey\n");
  EXPECT_EQ(read(file.value().path()), "-----BEGIN-----\nkey\n");
}

TEST(SealedFile, Content_cannot_be_changed_by_anyone) {
  const auto file = SealedFile::make("test", "secret");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(::write(file.value().fd(), "x", 1), -1);
  EXPECT_EQ(::ftruncate(file.value().fd(), 0), -1);
  constexpr int kAll = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  EXPECT_EQ(::fcntl(file.value().fd(), F_GET_SEALS) & kAll, kAll);
}

TEST(SealedFile, Nothing_is_left_when_it_goes) {
  std::string path;
  {
    const auto file = SealedFile::make("test", "secret");
    ASSERT_TRUE(file.ok());
    path = file.value().path();
    char target[256] = {};
    ASSERT_GT(::readlink(path.c_str(), target, sizeof target - 1), 0);
    EXPECT_TRUE(std::string(target).starts_with("/memfd:")) << target << " is on a disk";
  }
  EXPECT_NE(::access(path.c_str(), R_OK), 0);
}

TEST(SealedFile, Path_is_empty_when_there_is_none) { EXPECT_TRUE(SealedFile().path().empty()); }

}  // namespace
}  // namespace dapr_mqtt::mqtt
