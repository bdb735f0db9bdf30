// Inboxes on volumes that are too small for the messages. Needs permission to mount.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <vector>

#include "dapr_mqtt/storage/durable_inbox.h"
#include "storage/volume.h"
#include "support/captured_log.h"
#include "support/scratch_folder.h"
#include "unit/storage/inbox_terms.h"

namespace dapr_mqtt::storage {
namespace {

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
constexpr int kSkipped = 77;

/// If the variable is set, all sizes are tested, which takes minutes.
bool all() { return std::getenv("DAPR_MQTT_ALL_VOLUMES") != nullptr; }

std::vector<std::size_t> payloads() {
  if (all()) return {200 * kKiB, 5 * kKiB, kKiB, 100};
  return {200 * kKiB, kKiB};
}

/// Each test runs in its own process, with which the mount ends.
class SmallVolume : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  void on_volume(const std::function<void()>& body) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const std::string size = "size=" + std::to_string(GetParam() * kMiB);
      if (::unshare(CLONE_NEWNS) != 0 ||
          ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
          ::mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, size.c_str()) != 0) {
        ::_exit(kSkipped);
      }
      body();
      std::fflush(nullptr);
      ::_exit(HasFailure() ? 1 : 0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    if (WEXITSTATUS(status) == kSkipped) GTEST_SKIP() << "mounting is not allowed here";
    EXPECT_EQ(WEXITSTATUS(status), 0);
  }
  std::unique_ptr<core::DurableInbox> open() {
    DurableInboxOptions options;
    options.state_dir = folder_.path().string();
    options.limits = fit_to_volume({}, options.state_dir, base::Log(log_));
    auto inbox = open_durable_inbox(options, base::Log(log_));
    if (inbox.ok()) return std::move(inbox).value();
    ADD_FAILURE() << inbox.status().message();
    return nullptr;
  }
  /// Fills the volume to the last byte. Returns the file that does.
  std::string fill_by_others() {
    std::string other = folder_.file("other");
    const int fd = ::open(other.c_str(), O_WRONLY | O_CREAT, 0600);
    const std::string block(64 * kKiB, 'x');
    while (::write(fd, block.data(), block.size()) > 0) continue;
    while (::write(fd, "x", 1) > 0) continue;
    ::close(fd);
    return other;
  }
  /// Appends until the inbox stores no more. Returns how many messages it has on disk.
  std::size_t fill(core::DurableInbox& inbox, std::size_t payload) {
    std::size_t stored = 0;
    while (!inbox.full()) {
      core::IncomingMessage m;
      m.topic = "t";
      m.payload.assign(payload, 'x');
      m.qos = core::QoS::kAtLeastOnce;
      EXPECT_TRUE(inbox.append("q", std::move(m), false).ok());
      const base::Status committed = inbox.commit();
      if (!committed.ok()) {
        EXPECT_EQ(committed.kind(), base::ErrorKind::kResourceExhausted) << committed.message();
        break;
      }
      ++stored;
    }
    return stored;
  }
  /// The app handles all of it. Returns how many messages it got.
  static std::size_t handle(core::DurableInbox& inbox) {
    std::size_t handled = 0;
    while (const auto entry = inbox.take("q", kNow, kReady)) {
      inbox.settle(entry->id);
      if (++handled % 100 == 0) flush(inbox);
    }
    flush(inbox);
    return handled;
  }
  static void flush(core::DurableInbox& inbox) {
    for (;;) {
      const auto more = inbox.flush();
      if (!more.ok()) ADD_FAILURE() << "not healed: " << more.status().message();
      if (!more.ok() || !more.value()) return;
    }
  }

  testing::ScratchFolder folder_;
  testing::CapturedLog log_;
};

TEST_P(SmallVolume, inbox_is_full_before_it_is_and_is_empty_again_when_the_app_has_handled_all) {
  on_volume([this] {
    for (const std::size_t payload : payloads()) {
      SCOPED_TRACE("payloads of " + std::to_string(payload) + " bytes");
      const auto inbox = open();
      if (!inbox) return;
      const std::size_t stored = fill(*inbox, payload);
      EXPECT_GT(stored * (payload + 300), std::min(GetParam() * kMiB / 4, 20 * kMiB));
      const auto left = size_of_volume(folder_.path().string());
      EXPECT_GE(left->available, VolumeShare(GetParam() * kMiB).log_bytes()) << "the reserve";
      EXPECT_GE(handle(*inbox), stored);
      EXPECT_EQ(inbox->usage().messages, 0U);
      EXPECT_TRUE(inbox->half_empty());
    }
  });
}

TEST_P(SmallVolume, full_inbox_is_handled_after_a_restart_and_nothing_of_it_comes_again) {
  on_volume([this] {
    std::size_t stored = 0;
    if (const auto inbox = open()) stored = fill(*inbox, 5 * kKiB);
    const auto next = [this](auto check) {
      const auto inbox = open();
      if (inbox) check(*inbox);
    };
    next([&](core::DurableInbox& inbox) { EXPECT_GE(handle(inbox), stored); });
    next([&](core::DurableInbox& inbox) { EXPECT_EQ(inbox.usage().messages, 0U); });
  });
}

TEST_P(SmallVolume, what_others_have_filled_takes_deletes_and_heals_when_it_is_freed) {
  on_volume([this] {
    const auto inbox = open();
    if (!inbox) return;
    const std::size_t half = 100;
    for (std::size_t i = 0; i < half; ++i) {
      core::IncomingMessage m;
      m.topic = "t";
      m.payload.assign(5 * kKiB, 'x');
      m.qos = core::QoS::kAtLeastOnce;
      ASSERT_TRUE(inbox->append("q", std::move(m), false).ok());
      ASSERT_TRUE(inbox->commit().ok());
    }
    const std::string other = fill_by_others();
    static_cast<void>(fill(*inbox, 5 * kKiB));
    ::unlink(other.c_str());
    EXPECT_GE(handle(*inbox), half);
    EXPECT_EQ(inbox->usage().messages, 0U);
  });
}

// Init then says what is wrong, or with inbox "auto" goes on without the disk (instance/factory).
TEST_P(SmallVolume, that_is_full_at_the_start_is_named_and_takes_the_inbox_once_it_is_freed) {
  on_volume([this] {
    const std::string other = fill_by_others();
    DurableInboxOptions options;
    options.state_dir = folder_.path().string();
    const auto none = open_durable_inbox(options, base::Log(log_));
    ASSERT_FALSE(none.ok());
    EXPECT_EQ(none.status().kind(), base::ErrorKind::kResourceExhausted);
    EXPECT_NE(none.status().message().find(options.state_dir), std::string::npos)
        << none.status().message();
    ::unlink(other.c_str());
    EXPECT_NE(open(), nullptr);
  });
}

TEST_P(SmallVolume, that_is_full_at_a_restart_keeps_what_is_stored) {
  on_volume([this] {
    constexpr std::size_t kStored = 20;
    if (const auto inbox = open()) {
      for (std::size_t i = 0; i < kStored; ++i) {
        core::IncomingMessage m;
        m.topic = "t";
        m.qos = core::QoS::kAtLeastOnce;
        ASSERT_TRUE(inbox->append("q", std::move(m), false).ok());
      }
      ASSERT_TRUE(inbox->commit().ok());
    }
    const std::string other = fill_by_others();
    DurableInboxOptions options;
    options.state_dir = folder_.path().string();
    if (auto inbox = open_durable_inbox(options, base::Log(log_)); inbox.ok()) {
      EXPECT_EQ(inbox.value()->usage().messages, kStored);
    } else {
      EXPECT_EQ(inbox.status().kind(), base::ErrorKind::kResourceExhausted)
          << inbox.status().message();
    }
    ::unlink(other.c_str());
    const auto inbox = open();
    ASSERT_NE(inbox, nullptr);
    EXPECT_EQ(handle(*inbox), kStored);
    EXPECT_EQ(log_.text().find("set aside"), std::string::npos) << log_.text();
  });
}

std::vector<std::uint64_t> sizes() {
  if (all()) return {8, 12, 16, 32, 64, 128, 256, 1024};
  return {8, 64};
}

INSTANTIATE_TEST_SUITE_P(MiB, SmallVolume, ::testing::ValuesIn(sizes()),
                         [](const auto& size) { return std::to_string(size.param); });

TEST(VolumeShare, leaves_room_for_the_log_and_what_it_copies) {
  EXPECT_EQ(VolumeShare(8 * kMiB).log_bytes(), 512 * kKiB);
  EXPECT_EQ(VolumeShare(8 * kMiB).room(8 * kMiB), 6 * kMiB);
  EXPECT_EQ(VolumeShare(8 * kMiB).room(kMiB), 0U);
  EXPECT_EQ(VolumeShare(1024 * 1024 * kMiB).log_bytes(), 16 * kMiB) << "at the most";
  EXPECT_EQ(VolumeShare(kMiB).log_bytes(), 128 * kKiB) << "at the least";
}

TEST(VolumeShare, says_how_much_messages_need) {
  for (const std::uint64_t messages : {kMiB, 64 * kMiB, 1024 * kMiB}) {
    const std::uint64_t needed = VolumeShare::bytes_for(messages) + kMiB;
    EXPECT_GE(VolumeShare::countable(VolumeShare(needed).room(needed)), messages);
  }
  EXPECT_LT(VolumeShare::bytes_for(1024 * kMiB), 1536 * kMiB) << "as docs/guarantees.md says";
}

}  // namespace
}  // namespace dapr_mqtt::storage
