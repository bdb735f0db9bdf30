#include "dapr/listening_socket.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <optional>
#include <thread>
#include <vector>

#include "support/captured_log.h"
#include "unit/dapr/temp_folder.h"
#include "unit/dapr/unix_socket.h"

namespace dapr_mqtt::dapr {
namespace {

using testing::bind_to;
using testing::connect_to;
using ::testing::HasSubstr;

mode_t mode_of(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 ? info.st_mode & 07777U : 0;
}

class ListeningSocketTest : public ::testing::Test {
 protected:
  base::Result<ListeningSocket> open(mode_t mode = 0600) {
    return ListeningSocket::open(path_, mode, base::Log(log_));
  }

  testing::TempFolder folder_;
  const std::string path_ = folder_ / "mqtt.sock";
  testing::CapturedLog log_;
};

TEST_F(ListeningSocketTest, Socket_listens_with_mode_0600_and_goes_with_its_owner) {
  {
    const auto socket = open();
    ASSERT_TRUE(socket.ok()) << socket.status().message();
    EXPECT_EQ(mode_of(path_), 0600U);
    EXPECT_TRUE(connect_to(path_).valid());
  }
  EXPECT_EQ(::access(path_.c_str(), F_OK), -1);
}

TEST_F(ListeningSocketTest, Mode_is_exactly_as_asked_whatever_the_umask) {
  const mode_t before = ::umask(077);
  const auto narrow = open(0666);
  ::umask(before);
  ASSERT_TRUE(narrow.ok());
  EXPECT_EQ(mode_of(path_), 0666U);
}

TEST_F(ListeningSocketTest, Folders_that_are_missing_are_made_passable_for_other_users) {
  const mode_t before = ::umask(077);
  const auto socket = ListeningSocket::open(folder_ / "a/b/mqtt.sock", 0600, base::Log(log_));
  ::umask(before);
  ASSERT_TRUE(socket.ok()) << socket.status().message();
  EXPECT_EQ(mode_of(folder_ / "a"), 0755U);
  EXPECT_EQ(mode_of(folder_ / "a/b"), 0755U);
}

TEST_F(ListeningSocketTest, Folder_that_was_there_keeps_its_mode_and_gets_no_other_file) {
  ::chmod(folder_.path().c_str(), 0700);
  const auto socket = open();
  ASSERT_TRUE(socket.ok());
  EXPECT_EQ(mode_of(folder_.path()), 0700U);
  std::size_t entries = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    EXPECT_EQ(entry.path(), path_);
    ++entries;
  }
  EXPECT_EQ(entries, 1U);
}

TEST_F(ListeningSocketTest, Stale_socket_is_replaced_with_a_line_in_the_log) {
  bind_to(path_, true).reset();  // its owner is gone, the file is still there
  ASSERT_EQ(::access(path_.c_str(), F_OK), 0);
  const auto socket = open();
  ASSERT_TRUE(socket.ok()) << socket.status().message();
  EXPECT_TRUE(connect_to(path_).valid());
  EXPECT_TRUE(log_.contains("replaced the socket of a dead process")) << log_.text();
}

TEST_F(ListeningSocketTest, Live_socket_is_never_stolen_and_its_process_is_named) {
  const auto owner = open();
  ASSERT_TRUE(owner.ok());
  const auto thief = open();
  ASSERT_FALSE(thief.ok());
  EXPECT_EQ(thief.status().kind(), base::ErrorKind::kFailedPrecondition);
  EXPECT_THAT(thief.status().message(), HasSubstr("another process"));
  EXPECT_THAT(thief.status().message(), HasSubstr("pid " + std::to_string(::getpid())));
  EXPECT_TRUE(connect_to(path_).valid()) << "the owner still serves";
}

TEST_F(ListeningSocketTest, Live_socket_of_another_kind_is_left_alone) {
  const base::UniqueFd owner = bind_to(path_, false, SOCK_DGRAM);
  ASSERT_TRUE(owner.valid());
  EXPECT_THAT(open().status().message(), HasSubstr("another process"));
  EXPECT_EQ(::access(path_.c_str(), F_OK), 0);
}

TEST_F(ListeningSocketTest, Entry_that_is_no_socket_is_never_deleted) {
  std::ofstream(path_) << "precious";
  const auto socket = open();
  ASSERT_FALSE(socket.ok());
  EXPECT_EQ(socket.status().kind(), base::ErrorKind::kFailedPrecondition);
  EXPECT_THAT(socket.status().message(), HasSubstr("is no socket"));
  std::string content;
  std::ifstream(path_) >> content;
  EXPECT_EQ(content, "precious");
}

TEST_F(ListeningSocketTest, Link_is_never_followed_nor_deleted) {
  const std::string target = folder_ / "target.sock";
  bind_to(target, true).reset();
  ASSERT_EQ(::symlink(target.c_str(), path_.c_str()), 0);
  EXPECT_THAT(open().status().message(), HasSubstr("is no socket"));
  EXPECT_EQ(::access(target.c_str(), F_OK), 0);
}

TEST_F(ListeningSocketTest, File_of_a_successor_is_not_removed) {
  auto first = open();
  ASSERT_TRUE(first.ok());
  ASSERT_EQ(::unlink(path_.c_str()), 0);
  const auto second = open();
  ASSERT_TRUE(second.ok());
  first.value().remove_file();
  EXPECT_TRUE(connect_to(path_).valid());
}

TEST_F(ListeningSocketTest, Remove_file_is_idempotent_and_moves_take_the_file_along) {
  auto socket = open();
  ASSERT_TRUE(socket.ok());
  {
    ListeningSocket moved = std::move(socket).value();
    EXPECT_EQ(::access(path_.c_str(), F_OK), 0);
    moved.remove_file();
    EXPECT_EQ(::access(path_.c_str(), F_OK), -1);
    moved.remove_file();
  }
}

TEST_F(ListeningSocketTest, One_of_many_that_start_together_over_a_stale_socket_wins) {
  bind_to(path_, true).reset();
  std::vector<std::optional<base::Result<ListeningSocket>>> results(8);
  std::vector<std::thread> threads;
  for (auto& result : results) {
    threads.emplace_back([&] { result.emplace(open()); });
  }
  for (std::thread& thread : threads) thread.join();
  int winners = 0;
  for (const auto& result : results) {
    if (result->ok()) {
      ++winners;
    } else {
      EXPECT_THAT(result->status().message(), HasSubstr("another process"));
    }
  }
  EXPECT_EQ(winners, 1);
  EXPECT_TRUE(connect_to(path_).valid());
}

TEST_F(ListeningSocketTest, Start_waits_for_the_lock_of_another_that_starts) {
  const base::UniqueFd other(::open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY));
  ASSERT_EQ(::flock(other.get(), LOCK_EX), 0);
  std::atomic<bool> released{false};
  std::thread starter([&] {
    const auto socket = open();
    EXPECT_TRUE(socket.ok());
    EXPECT_TRUE(released);
  });
  released = true;
  ::flock(other.get(), LOCK_UN);
  starter.join();
}

TEST_F(ListeningSocketTest, Folder_that_cannot_be_made_is_named_with_the_cause) {
  std::ofstream(folder_ / "file") << "x";
  const auto socket = ListeningSocket::open(folder_ / "file/mqtt.sock", 0600, base::Log(log_));
  ASSERT_FALSE(socket.ok());
  EXPECT_THAT(socket.status().message(), HasSubstr("cannot create folder"));
}

}  // namespace
}  // namespace dapr_mqtt::dapr
